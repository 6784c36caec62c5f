package tsm.ci

import tsm.core.check.int
import java.lang.foreign.Arena
import java.lang.foreign.FunctionDescriptor
import java.lang.foreign.Linker
import java.lang.foreign.MemorySegment
import java.lang.foreign.SymbolLookup
import java.lang.foreign.ValueLayout.ADDRESS
import java.lang.foreign.ValueLayout.JAVA_INT
import java.lang.foreign.ValueLayout.JAVA_LONG
import java.lang.invoke.MethodHandle
import java.nio.file.Path

/**
 * The C functions of `libLiteRt.so` that a network needs, from the wheel `ai-edge-litert`.
 *
 * The app has LiteRT's Kotlin API instead. This library lets the same core run on a desktop JVM
 * against the real runtime.
 *
 * @param folder the folder of the library and of its GPU accelerator.
 */
internal class LiteRtLibrary(
    val folder: Path,
) {
    private val arena = Arena.global()
    private val linker = Linker.nativeLinker()
    private val symbols = SymbolLookup.libraryLookup(folder.resolve("libLiteRt.so"), arena)

    // A type of C is a letter: p is a pointer, i an int, z a size.
    val createEnvironment = function("LiteRtCreateEnvironment", "ipp")
    val createModel = function("LiteRtCreateModelFromBuffer", "ppzp")
    val signature = function("LiteRtGetModelSignature", "pzp")
    val inputCount = function("LiteRtGetNumSignatureInputs", "pp")
    val inputName = function("LiteRtGetSignatureInputName", "pzp")
    val inputTensor = function("LiteRtGetSignatureInputTensorByIndex", "pzp")
    val outputCount = function("LiteRtGetNumSignatureOutputs", "pp")
    val outputName = function("LiteRtGetSignatureOutputName", "pzp")
    val outputTensor = function("LiteRtGetSignatureOutputTensorByIndex", "pzp")
    val tensorType = function("LiteRtGetRankedTensorType", "pp")
    val createOptions = function("LiteRtCreateOptions", "p")
    val setAccelerators = function("LiteRtSetOptionsHardwareAccelerators", "pi")
    val createOpaqueOptions = function("LiteRtCreateOpaqueOptions", "pppp")
    val addOpaqueOptions = function("LiteRtAddOpaqueOptions", "pp")
    val createCompiledModel = function("LiteRtCreateCompiledModel", "pppp")
    val isFullyAccelerated = function("LiteRtCompiledModelIsNonCpuFullyAccelerated", "pp")
    val inputRequirements = function("LiteRtGetCompiledModelInputBufferRequirements", "pzzp")
    val outputRequirements = function("LiteRtGetCompiledModelOutputBufferRequirements", "pzzp")
    val createBuffer = function("LiteRtCreateManagedTensorBufferFromRequirements", "pppp")
    val lock = function("LiteRtLockTensorBuffer", "ppi")
    val unlock = function("LiteRtUnlockTensorBuffer", "p")
    val run = function("LiteRtRunCompiledModel", "pzzpzp")
    val destroyBuffer = function("LiteRtDestroyTensorBuffer", "p", isVoid = true)
    val destroyCompiledModel = function("LiteRtDestroyCompiledModel", "p", isVoid = true)
    val destroyOptions = function("LiteRtDestroyOptions", "p", isVoid = true)
    val destroyModel = function("LiteRtDestroyModel", "p", isVoid = true)
    val destroyEnvironment = function("LiteRtDestroyEnvironment", "p", isVoid = true)

    /** C's `free`, for memory that LiteRT frees itself. */
    val free: MemorySegment = linker.defaultLookup().find("free").get()
    private val allocate =
        linker.downcallHandle(linker.defaultLookup().find("malloc").get(), FunctionDescriptor.of(ADDRESS, JAVA_LONG))

    /** Returns a text in memory that [free] frees. */
    fun freeableText(text: String): MemorySegment {
        val bytes = text.toByteArray() + 0
        val memory =
            (
                allocate.invokeWithArguments(
                    bytes.size.toLong(),
                ) as MemorySegment
            ).reinterpret(bytes.size.toLong())
        return memory.copyFrom(MemorySegment.ofArray(bytes))
    }

    private fun function(
        name: String,
        types: String,
        isVoid: Boolean = false,
    ): MethodHandle {
        val layouts = types.map { mapOf('p' to ADDRESS, 'i' to JAVA_INT, 'z' to JAVA_LONG).getValue(it) }.toTypedArray()
        val descriptor = if (isVoid) FunctionDescriptor.ofVoid(*layouts) else FunctionDescriptor.of(JAVA_INT, *layouts)
        return linker.downcallHandle(symbols.find(name).orElseThrow { IllegalStateException("no $name") }, descriptor)
    }
}

/** Throws if a function of LiteRT failed. */
internal fun check(
    status: Any?,
    what: String,
) {
    if (status != 0) throw LiteRtError("LiteRT failed to $what: status $status")
}

/** A function of LiteRT failed. */
class LiteRtError(
    message: String,
) : Exception(message)
