package tsm.core.artifact

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
