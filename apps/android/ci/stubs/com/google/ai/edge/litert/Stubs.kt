package com.google.ai.edge.litert

/*
 * The part of LiteRT's Kotlin API that the app uses, without an implementation. The app is compiled
 * against these declarations where Google's Maven repository cannot be reached. Names and types
 * were compared with LiteRT's public source; ci/README.md says which, and how to do it again.
 */

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(
    message: String,
) : Exception(message)

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
        ): CompiledModel = absent(filePath, options)
    }
}

private fun absent(vararg arguments: Any?): Nothing = throw UnsupportedOperationException("a stub, ${arguments.size}")
