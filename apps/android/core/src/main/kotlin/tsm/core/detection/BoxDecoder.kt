package tsm.core.detection

import tsm.core.artifact.DType
import tsm.core.artifact.DetectionRule
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec
import tsm.core.artifact.dequantize
import kotlin.math.exp
import kotlin.math.min

private const val BYTE = 0xff
private const val EDGES = 4

/**
 * Finds the boxes in the outputs of a detector, by the rule of `docs/artifact.md`. It allocates nothing.
 *
 * @param maps the specs of the three outputs.
 * @param threshold the score that a box must have.
 */
class BoxDecoder(
    maps: List<TensorSpec>,
    private val rule: DetectionRule,
    private val threshold: Float = rule.threshold,
) {
    private val heatmap = MapReader(maps, TensorSpec.HEATMAP)
    private val sizes = MapReader(maps, TensorSpec.BOX_SIZE)
    private val offsets = MapReader(maps, TensorSpec.BOX_OFFSET)
    private val height = heatmap.height
    private val width = heatmap.width
    private val classes = heatmap.channels
    private val values = FloatArray(height * width * classes) // Of the heatmap.
    private val most = min(rule.top.toLong(), values.size.toLong()).toInt()
    private val best = IntArray(most) // Places in `values`.

    /** Returns memory for as many boxes as there may be. */
    fun newBoxes() = Boxes(most)

    /**
     * Writes the boxes of one stream, in pixels of the network's square.
     *
     * @param outputs what the network stored, in the order of the specs.
     */
    fun decode(
        outputs: List<Numbers>,
        stream: Int,
        boxes: Boxes,
    ) {
        for (place in values.indices) values[place] = heatmap.at(outputs, stream, place)
        val found = findBest()
        boxes.size = found
        for (i in 0 until found) {
            val cell = best[i] / classes
            val x = (cell % width + offsets.at(outputs, stream, 2 * cell)) * rule.stride
            val y = (cell / width + offsets.at(outputs, stream, 2 * cell + 1)) * rule.stride
            val halfWidth = sizes.at(outputs, stream, 2 * cell) * rule.stride / 2
            val halfHeight = sizes.at(outputs, stream, 2 * cell + 1) * rule.stride / 2
            boxes.edges[EDGES * i] = x - halfWidth
            boxes.edges[EDGES * i + 1] = y - halfHeight
            boxes.edges[EDGES * i + 2] = x + halfWidth
            boxes.edges[EDGES * i + 3] = y + halfHeight
            boxes.labels[i] = best[i] % classes
            boxes.scores[i] = score(values[best[i]])
            boxes.tracks[i] = 0
        }
    }

    /** Finds the places of the greatest peaks; of equal ones, the first come first. Returns their number. */
    private fun findBest(): Int {
        var found = 0
        for (place in values.indices) {
            val value = values[place]
            val isFull = found == most
            if (isFull && value <= values[best[most - 1]]) continue
            if (!isPeak(place, value) || score(value) < threshold) continue
            var at = if (isFull) most - 1 else found++
            while (at > 0 && value > values[best[at - 1]]) {
                best[at] = best[at - 1]
                at--
            }
            best[at] = place
        }
        return found
    }

    private fun isPeak(
        place: Int,
        value: Float,
    ): Boolean {
        val row = place / (width * classes)
        val column = place / classes % width
        for (y in row - 1..row + 1) {
            if (y < 0 || y >= height) continue
            for (x in column - 1..column + 1) {
                if (x < 0 || x >= width) continue
                val neighbour = values[place + ((y - row) * width + x - column) * classes]
                val isEarlier = y < row || (y == row && x < column)
                // A NaN is not greater than anything, nor equal to itself.
                val holds = if (isEarlier) value > neighbour else value >= neighbour
                if (!holds) return false
            }
        }
        return true
    }

    private fun score(logit: Float) = (1 / (1 + exp(-logit.toDouble()))).toFloat()
}

/** Reads the real values of one output. */
private class MapReader(
    maps: List<TensorSpec>,
    role: String,
) {
    private val number = maps.indexOfFirst { it.role == role }
    private val spec = maps[number]
    val height = spec.shape[1]
    val width = spec.shape[2]
    val channels = spec.shape[3]
    private val count = height * width * channels
    private val table =
        FloatArray(if (spec.dtype == DType.FLOAT32) 0 else BYTE + 1) {
            dequantize(if (spec.dtype == DType.UINT8) it else it.toByte().toInt(), spec)
        }

    fun at(
        outputs: List<Numbers>,
        stream: Int,
        place: Int,
    ): Float =
        when (val numbers = outputs[number]) {
            is Numbers.Floats -> numbers.values[stream * count + place]
            is Numbers.Bytes -> table[numbers.values[stream * count + place].toInt() and BYTE]
        }
}
