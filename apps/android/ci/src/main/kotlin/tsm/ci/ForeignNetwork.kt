package tsm.ci

import tsm.core.artifact.Artifact
import tsm.core.artifact.ArtifactException
import tsm.core.artifact.DType
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec
import tsm.core.session.Network
import java.lang.foreign.Arena
import java.lang.foreign.MemorySegment
import java.lang.foreign.ValueLayout.ADDRESS
import java.lang.foreign.ValueLayout.JAVA_BYTE
import java.lang.foreign.ValueLayout.JAVA_FLOAT
import java.lang.foreign.ValueLayout.JAVA_INT
import java.lang.foreign.ValueLayout.JAVA_LONG
import java.lang.invoke.MethodHandle
import java.nio.file.Path

private const val ALIGNMENT = 64L
private const val TYPE_SIZE = 72L
private const val DIMENSIONS = 8L
private const val RANK_BITS = 0x7f
private const val OPTION_SIZE = 24L
private const val ANY_TYPE = 8L
private const val ANY_VALUE = 16L
private const val RUNTIME_FOLDER = 22
private const val TEXT = 8
private const val CPU = 1
private const val GPU = 2
private const val READ = 0
private const val WRITE = 1
private val TYPES = mapOf(DType.FLOAT32 to 1, DType.UINT8 to 3, DType.INT8 to 9, DType.FLOAT16 to 10)

/** A network of the real LiteRT in a desktop JVM, through `java.lang.foreign`. */
internal class ForeignNetwork private constructor(
    private val litert: LiteRtLibrary,
    artifact: Artifact,
    isGpu: Boolean,
) : Network {
    override val accelerator = if (isGpu) "gpu" else "cpu"
    private val arena = Arena.ofShared()
    private val environment: MemorySegment
    private val model: MemorySegment
    private val options: MemorySegment
    private val compiled: MemorySegment
    private val inputs: Map<String, Tensor>
    private val outputs: Map<String, Tensor>
    private val buffers = ArrayList<MemorySegment>()

    private class Tensor(
        val index: Long,
        val type: MemorySegment,
    )

    init {
        environment = create("create an environment") { litert.createEnvironment.invoke(1, folderOption(), it) }
        val content =
            arena
                .allocate(
                    artifact.model.size.toLong(),
                    ALIGNMENT,
                ).copyFrom(MemorySegment.ofArray(artifact.model))
        val size = artifact.model.size.toLong()
        model = create("load the model") { litert.createModel.invoke(environment, content, size, it) }
        options = create("create options") { litert.createOptions.invoke(it) }
        check(litert.setAccelerators.invoke(options, if (isGpu) GPU else CPU), "choose the accelerator")
        if (isGpu) enforceFloat32()
        compiled = create("compile the model") { litert.createCompiledModel.invoke(environment, model, options, it) }
        if (isGpu && !isFullyAccelerated()) throw LiteRtError("The GPU accelerator cannot run all of the model.")
        val signature = create("find the signature") { litert.signature.invoke(model, 0L, it) }
        inputs = tensors(signature, litert.inputCount, litert.inputName, litert.inputTensor)
        outputs = tensors(signature, litert.outputCount, litert.outputName, litert.outputTensor)
    }

    override fun createBuffer(tensor: TensorSpec): Network.Buffer {
        val input = inputs[tensor.name]
        val found = input ?: outputs[tensor.name] ?: throw ArtifactException("The model has no tensor $tensor")
        val type = found.type
        val rank = type.get(JAVA_INT, Int.SIZE_BYTES.toLong()) and RANK_BITS
        val shape = List(rank) { type.get(JAVA_INT, DIMENSIONS + it * Int.SIZE_BYTES) }
        if (shape != tensor.shape || type.get(JAVA_INT, 0) != TYPES[tensor.dtype]) {
            throw ArtifactException("A tensor is not what the embedded spec says: $tensor. Received: $shape")
        }
        val function = if (input != null) litert.inputRequirements else litert.outputRequirements
        val requirements = create("ask for requirements") { function.invoke(compiled, 0L, found.index, it) }
        val handle = create("create a buffer") { litert.createBuffer.invoke(environment, type, requirements, it) }
        buffers.add(handle)
        return ForeignBuffer(handle)
    }

    override fun bind(
        inputs: Map<String, Network.Buffer>,
        outputs: Map<String, Network.Buffer>,
    ): Network.Turn {
        val read = list(this.inputs, inputs)
        val written = list(this.outputs, outputs)
        val inputCount = inputs.size.toLong()
        val outputCount = outputs.size.toLong()
        return Network.Turn {
            check(litert.run.invoke(compiled, 0L, inputCount, read, outputCount, written), "run the model")
        }
    }

    override fun close() {
        buffers.forEach { litert.destroyBuffer.invoke(it) }
        litert.destroyCompiledModel.invoke(compiled)
        litert.destroyOptions.invoke(options)
        litert.destroyModel.invoke(model)
        litert.destroyEnvironment.invoke(environment)
        arena.close()
    }

    private fun list(
        tensors: Map<String, Tensor>,
        given: Map<String, Network.Buffer>,
    ): MemorySegment {
        if (tensors.keys != given.keys) {
            throw ArtifactException("The spec must name each tensor, ${tensors.keys}. Received: ${given.keys}")
        }
        val list = arena.allocate(ADDRESS, tensors.size.toLong())
        for ((name, tensor) in tensors) {
            list.setAtIndex(ADDRESS, tensor.index, (given.getValue(name) as ForeignBuffer).handle)
        }
        return list
    }

    private inline fun create(
        what: String,
        function: (MemorySegment) -> Any?,
    ): MemorySegment {
        val result = arena.allocate(ADDRESS)
        check(function(result), what)
        return result.get(ADDRESS, 0)
    }

    private fun folderOption(): MemorySegment {
        val option = arena.allocate(OPTION_SIZE, Long.SIZE_BYTES.toLong())
        option.set(JAVA_INT, 0, RUNTIME_FOLDER)
        option.set(JAVA_INT, ANY_TYPE, TEXT)
        option.set(ADDRESS, ANY_VALUE, arena.allocateFrom(litert.folder.toString()))
        return option
    }

    /** Asks for float32 on the GPU, because software Vulkan has no float16. */
    private fun enforceFloat32() {
        val name = arena.allocateFrom("gpu_options")
        val text = litert.freeableText("precision = 2\n")
        val gpu = create("create GPU options") { litert.createOpaqueOptions.invoke(name, text, litert.free, it) }
        check(litert.addOpaqueOptions.invoke(options, gpu), "add GPU options")
    }

    private fun isFullyAccelerated(): Boolean {
        val result = arena.allocate(JAVA_BYTE)
        check(litert.isFullyAccelerated.invoke(compiled, result), "ask for the accelerator")
        return result.get(JAVA_BYTE, 0) != 0.toByte()
    }

    private fun tensors(
        signature: MemorySegment,
        countOf: MethodHandle,
        nameOf: MethodHandle,
        tensorOf: MethodHandle,
    ): Map<String, Tensor> {
        val count = arena.allocate(JAVA_LONG)
        check(countOf.invoke(signature, count), "count tensors")
        return (0 until count.get(JAVA_LONG, 0)).associate { index ->
            val name = create("find a name") { nameOf.invoke(signature, index, it) }
            val tensor = create("find a tensor") { tensorOf.invoke(signature, index, it) }
            val type = arena.allocate(TYPE_SIZE, Long.SIZE_BYTES.toLong())
            check(litert.tensorType.invoke(tensor, type), "find the type of a tensor")
            name.reinterpret(Long.MAX_VALUE).getString(0) to Tensor(index, type)
        }
    }

    private inner class ForeignBuffer(
        val handle: MemorySegment,
    ) : Network.Buffer {
        private val address = arena.allocate(ADDRESS)

        override fun write(numbers: Numbers) =
            locked(numbers, WRITE) { memory ->
                when (numbers) {
                    is Numbers.Floats -> {
                        MemorySegment.copy(
                            numbers.values,
                            0,
                            memory,
                            JAVA_FLOAT,
                            0,
                            numbers.values.size,
                        )
                    }

                    is Numbers.Bytes -> {
                        MemorySegment.copy(numbers.values, 0, memory, JAVA_BYTE, 0, numbers.values.size)
                    }
                }
            }

        override fun read(numbers: Numbers) =
            locked(numbers, READ) { memory ->
                when (numbers) {
                    is Numbers.Floats -> {
                        MemorySegment.copy(
                            memory,
                            JAVA_FLOAT,
                            0,
                            numbers.values,
                            0,
                            numbers.values.size,
                        )
                    }

                    is Numbers.Bytes -> {
                        MemorySegment.copy(memory, JAVA_BYTE, 0, numbers.values, 0, numbers.values.size)
                    }
                }
            }

        private inline fun locked(
            numbers: Numbers,
            mode: Int,
            use: (MemorySegment) -> Unit,
        ) {
            check(litert.lock.invoke(handle, address, mode), "lock a buffer")
            val size =
                when (numbers) {
                    is Numbers.Floats -> numbers.values.size.toLong() * Float.SIZE_BYTES
                    is Numbers.Bytes -> numbers.values.size.toLong()
                }
            use(address.get(ADDRESS, 0).reinterpret(size))
            check(litert.unlock.invoke(handle), "unlock a buffer")
        }
    }

    companion object {
        private val libraries = HashMap<Path, LiteRtLibrary>()

        /** Loads a model with the library in [folder]. */
        fun open(
            folder: Path,
            artifact: Artifact,
            isGpu: Boolean,
        ): ForeignNetwork = ForeignNetwork(libraries.getOrPut(folder) { LiteRtLibrary(folder) }, artifact, isGpu)
    }
}
