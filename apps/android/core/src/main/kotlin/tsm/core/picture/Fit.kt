package tsm.core.picture

import tsm.core.artifact.ArtifactSpec
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

private const val CHANNELS = Picture.CHANNELS
private const val BYTE = 0xff
private const val MAX_ASPECT = 32
private const val HALF = 0.5f

/**
 * Resizes the short side of pictures and crops the central square, as `docs/artifact.md` says.
 *
 * Only the pixels of the square are computed. Nothing is allocated while the size of the
 * pictures stays the same.
 *
 * @param resizeSize the short side after resizing.
 * @property size the side of the square.
 */
class Fit(
    private val resizeSize: Int,
    val size: Int,
) {
    private var width = 0
    private var height = 0
    private var columns = Weights.none
    private var rows = Weights.none
    private val sums = FloatArray(size * CHANNELS)
    private val row = FloatArray(size * CHANNELS)

    constructor(spec: ArtifactSpec) : this(spec.resizeSize, spec.imageSize)

    /**
     * Writes the square of a picture.
     *
     * @param square `size * size * 3` bytes.
     */
    fun fit(
        picture: Picture,
        square: ByteArray,
    ) {
        require(
            square.size == size * size * CHANNELS,
        ) { "A square has $size x $size pixels. Received: ${square.size} bytes" }
        if (picture.width != width || picture.height != height) measure(picture.width, picture.height)
        var inRow = -1 // The row of the picture that `row` holds.
        for (y in 0 until size) {
            sums.fill(0f)
            for (tap in rows.starts[y] until rows.starts[y + 1]) {
                if (rows.sources[tap] != inRow) {
                    inRow = rows.sources[tap]
                    mixColumns(picture.pixels, inRow * width * CHANNELS)
                }
                val weight = rows.weights[tap]
                for (i in sums.indices) sums[i] += weight * row[i]
            }
            val start = y * sums.size
            for (i in sums.indices) square[start + i] = (sums[i] + HALF).toInt().toByte()
        }
    }

    private fun mixColumns(
        pixels: ByteArray,
        start: Int,
    ) {
        for (x in 0 until size) {
            var red = 0f
            var green = 0f
            var blue = 0f
            for (tap in columns.starts[x] until columns.starts[x + 1]) {
                val weight = columns.weights[tap]
                val at = start + columns.sources[tap] * CHANNELS
                red += weight * (pixels[at].toInt() and BYTE)
                green += weight * (pixels[at + 1].toInt() and BYTE)
                blue += weight * (pixels[at + 2].toInt() and BYTE)
            }
            row[x * CHANNELS] = red
            row[x * CHANNELS + 1] = green
            row[x * CHANNELS + 2] = blue
        }
    }

    private fun measure(
        width: Int,
        height: Int,
    ) {
        val short = min(width, height)
        require(max(width, height) <= MAX_ASPECT.toLong() * short) {
            "One side may be at most $MAX_ASPECT times as long as the other. Received: $width x $height"
        }
        columns = Weights.of(width, resized(width, short, resizeSize), size, resizeSize - short)
        rows = Weights.of(height, resized(height, short, resizeSize), size, resizeSize - short)
        this.width = width
        this.height = height
    }

    companion object {
        /** Returns the length of a side after the short side was resized to [resizeSize]; halves are rounded up. */
        fun resized(
            side: Int,
            short: Int,
            resizeSize: Int,
        ): Int = ((2L * side * resizeSize + short) / (2L * short)).toInt()
    }
}

/**
 * For each new pixel along one side: which old pixels it mixes, and with which weights.
 *
 * Those of new pixel `i` are at the indices `starts[i] until starts[i + 1]`.
 */
private class Weights(
    val starts: IntArray,
    val sources: IntArray,
    val weights: FloatArray,
) {
    companion object {
        val none = Weights(IntArray(0), IntArray(0), FloatArray(0))

        /**
         * Returns the weights of the central [size] of [resized] pixels.
         *
         * @param growth positive if the picture grows, 0 if it is copied, negative if it shrinks.
         */
        fun of(
            old: Int,
            resized: Int,
            size: Int,
            growth: Int,
        ): Weights {
            val starts = IntArray(size + 1)
            val sources = ArrayList<Int>()
            val weights = ArrayList<Float>()
            val first = (resized - size) / 2
            for (i in 0 until size) {
                val place = first + i
                when {
                    growth == 0 -> {
                        sources.add(place)
                        weights.add(1f)
                    }

                    growth < 0 -> {
                        addArea(place, old.toDouble() / resized, old, sources, weights)
                    }

                    else -> {
                        addBilinear(place, old.toDouble() / resized, old, sources, weights)
                    }
                }
                starts[i + 1] = sources.size
            }
            return Weights(starts, sources.toIntArray(), weights.toFloatArray())
        }

        private fun addArea(
            place: Int,
            scale: Double,
            old: Int,
            sources: MutableList<Int>,
            weights: MutableList<Float>,
        ) {
            val start = place * scale
            val end = min(start + scale, old.toDouble())
            for (source in floor(start).toInt() until min(ceil(end).toInt(), old)) {
                val covered = min(end, source + 1.0) - max(start, source.toDouble())
                if (covered <= EMPTY) continue // A rounding error, and not a part of a pixel.
                sources.add(source)
                weights.add((covered / (end - start)).toFloat())
            }
        }

        private fun addBilinear(
            place: Int,
            scale: Double,
            old: Int,
            sources: MutableList<Int>,
            weights: MutableList<Float>,
        ) {
            val center = ((place + 0.5) * scale - 0.5).coerceIn(0.0, old - 1.0)
            val source = min(center.toInt(), max(0, old - 2))
            val share = center - source
            sources.add(source)
            weights.add((1 - share).toFloat())
            if (share > 0) {
                sources.add(source + 1)
                weights.add(share.toFloat())
            }
        }

        private const val EMPTY = 1e-6
    }
}
