package com.google.ai.edge.litert

/*
 * The part of LiteRT's Kotlin API that the app uses, without an implementation. The app is compiled
 * against these declarations where Google's Maven repository cannot be reached.
 *
 * They were compared with LiteRT's published source: the tag v2.2.0, and the commit f67457790 of
 * 21 August 2026, in which the next version is 2.3.0. Model.kt, TensorBuffer.kt, Common.kt and
 * LiteRtException.kt, which declare what is below, are the same in both. Two further states of
 * Model.kt, of the commits 67c782e6e and dc870adde, were compared too; their dates are not known.
 * The app that is compiled against any of these sources has the same bytes as the app that is
 * compiled against this file. The tag v2.3.0 could not be had. ci/README.md says how to compare
 * again.
 */

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(
    message: String,
) : Exception(message)

class Environment private constructor()

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = absent(data)

    fun writeInt8(data: ByteArray): Unit = absent(data)

    fun readFloat(): FloatArray = absent()

    fun readInt8(): ByteArray = absent()

    override fun close(): Unit = absent()
}

class CompiledModel private constructor() : AutoCloseable {
    class Options(
        vararg accelerators: Accelerator,
    ) {
        val count = accelerators.size
    }

    fun createInputBuffer(
        inputName: String,
        signature: String = "",
    ): TensorBuffer = absent(inputName, signature)

    fun createOutputBuffer(
        outputName: String,
        signature: String = "",
    ): TensorBuffer = absent(outputName, signature)

    fun run(
        inputs: Map<String, TensorBuffer>,
        outputs: Map<String, TensorBuffer>,
        signature: String = "",
    ): Unit = absent(inputs, outputs, signature)

    override fun close(): Unit = absent()

    companion object {
        @JvmStatic
        fun create(
            filePath: String,
            options: Options,
            optionalEnv: Environment? = null,
        ): CompiledModel = absent(filePath, options, optionalEnv)
    }
}

private fun absent(vararg arguments: Any?): Nothing = throw UnsupportedOperationException("a stub, ${arguments.size}")
