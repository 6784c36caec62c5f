package tsm.core.artifact

import kotlin.math.ln
import kotlin.math.max
import kotlin.math.round

private const val BYTE = 0xff
private const val LEVELS = 256
private const val SMALLEST_NORMAL = 1.17549435e-38f

/**
 * Returns a real value as the integer that a tensor stores.
 *
 * It computes in float32, rounds halves to even, and clips to the range of the integers.
 */
fun quantize(
    value: Float,
    spec: TensorSpec,
): Int {
    val range = spec.dtype.integers ?: throw ArtifactException("Only integers are quantized. Received: $spec")
    val steps = round((value / spec.scale).toDouble()) + spec.zeroPoint
    return steps.coerceIn(range.first.toDouble(), range.last.toDouble()).toInt()
}

/** Returns the real value of an integer that a tensor stores. */
fun dequantize(
    stored: Int,
    spec: TensorSpec,
): Float = (stored - spec.zeroPoint) * spec.scale

/** Writes RGB pixels into the image input of a network. */
internal class PixelEncoder(
    spec: TensorSpec,
) {
    private val table =
        ByteArray(LEVELS) { if (spec.dtype == DType.FLOAT32) 0 else quantize(it.toFloat(), spec).toByte() }

    // Usual, because the scale of frames is 1. Adding is several times faster than a table.
    private val isOffset = table.indices.all { table[it] == (table[0] + it).toByte() }

    fun write(
        pixels: ByteArray,
        numbers: Numbers,
        at: Int,
    ) {
        when (numbers) {
            is Numbers.Floats -> writeFloats(pixels, numbers.values, at)
            is Numbers.Bytes -> if (isOffset) add(pixels, numbers.values, at) else lookUp(pixels, numbers.values, at)
        }
    }

    private fun writeFloats(
        pixels: ByteArray,
        values: FloatArray,
        at: Int,
    ) {
        for (i in pixels.indices) values[at + i] = (pixels[i].toInt() and BYTE).toFloat()
    }

    private fun add(
        pixels: ByteArray,
        values: ByteArray,
        at: Int,
    ) {
        val offset = table[0]
        for (i in pixels.indices) values[at + i] = (pixels[i] + offset).toByte()
    }

    private fun lookUp(
        pixels: ByteArray,
        values: ByteArray,
        at: Int,
    ) {
        for (i in pixels.indices) values[at + i] = table[pixels[i].toInt() and BYTE]
    }
}

/** Reads the logits of a head; probabilities become their logarithms. */
internal class HeadDecoder(
    private val spec: TensorSpec,
) {
    private val least = if (spec.scale > 0) spec.scale / 2 else SMALLEST_NORMAL
    private val table =
        FloatArray(LEVELS) {
            val stored = if (spec.dtype == DType.UINT8) it else it.toByte().toInt()
            asLogit(dequantize(stored, spec))
        }

    fun read(
        numbers: Numbers,
        at: Int,
        logits: FloatArray,
    ) {
        when (numbers) {
            is Numbers.Floats -> for (k in logits.indices) logits[k] = asLogit(numbers.values[at + k])
            is Numbers.Bytes -> for (k in logits.indices) logits[k] = table[numbers.values[at + k].toInt() and BYTE]
        }
    }

    private fun asLogit(value: Float) = if (spec.role == TensorSpec.LOGITS) value else ln(max(value, least))
}
