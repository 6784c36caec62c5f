package tsm.core

/**
 * A network in a runtime: the only part of a session that differs between runtimes.
 *
 * A session creates its buffers once, and binds them once to each of two turns.
 */
interface Network : AutoCloseable {
    /** What runs the network, such as `"cpu"` or `"gpu"`. */
    val accelerator: String

    /**
     * Creates a buffer for an input or output of the spec.
     *
     * The buffer of a cache is an input in one turn, and the output that feeds it in the other.
     *
     * @throws ArtifactException if the network has no such tensor.
     */
    fun createBuffer(tensor: TensorSpec): Buffer

    /** Binds a buffer to the name of each input and output. */
    fun bind(
        inputs: Map<String, Buffer>,
        outputs: Map<String, Buffer>,
    ): Turn

    /** The memory of one tensor, which may be on a GPU. */
    interface Buffer {
        fun write(numbers: Numbers)

        fun read(numbers: Numbers)
    }

    /** The network with its buffers; [run] reads the inputs and writes the outputs. */
    fun interface Turn {
        fun run()
    }
}

/** The numbers of a tensor in the app's memory, in C order. */
sealed class Numbers {
    class Floats(
        val values: FloatArray,
    ) : Numbers()

    /** `int8` and `uint8` alike. */
    class Bytes(
        val values: ByteArray,
    ) : Numbers()

    /** Copies a part of other numbers of the same type. */
    fun copyFrom(
        other: Numbers,
        start: Int,
        end: Int,
    ) {
        if (this is Floats && other is Floats) other.values.copyInto(values, start, start, end)
        if (this is Bytes && other is Bytes) other.values.copyInto(values, start, start, end)
    }

    companion object {
        /** Returns numbers for a tensor, with all real values zero. */
        fun zeros(spec: TensorSpec): Numbers =
            when (spec.dtype) {
                DType.FLOAT32 -> Floats(FloatArray(spec.count))
                DType.FLOAT16 -> throw ArtifactException("A session has no float16 caches. Received: $spec")
                else -> Bytes(ByteArray(spec.count).apply { fill(spec.zeroPoint.toByte()) })
            }
    }
}
