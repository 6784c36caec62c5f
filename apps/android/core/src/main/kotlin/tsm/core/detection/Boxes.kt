package tsm.core.detection

import tsm.core.picture.Fit
import kotlin.math.min

private const val EDGES = 4

/**
 * The boxes of one frame, the best first, in memory that is used again for the next frame.
 *
 * @property most the greatest number of boxes.
 */
class Boxes(
    val most: Int,
) {
    /** The number of boxes. */
    var size = 0
        internal set

    /** For each box its left, upper, right and lower edge, in pixels. */
    val edges = FloatArray(EDGES * most)

    /** For each box the number of its label. */
    val labels = IntArray(most)

    /** For each box its score. */
    val scores = FloatArray(most)

    /** For each box the number of its object, or 0 if the object has not appeared. */
    val tracks = IntArray(most)

    fun clear() {
        size = 0
    }

    /** Copies the boxes of another frame, as many as there is room for. */
    fun copyFrom(other: Boxes) {
        size = min(other.size, most)
        other.edges.copyInto(edges, 0, 0, EDGES * size)
        other.labels.copyInto(labels, 0, 0, size)
        other.scores.copyInto(scores, 0, 0, size)
        other.tracks.copyInto(tracks, 0, 0, size)
    }

    /**
     * Moves boxes from the network's square, in which they were found, to the frame that it was cut from.
     *
     * @param resizeSize the short side of the resized frame.
     * @param cropSize the side of the square.
     * @param width the width of the upright frame.
     * @param height its height.
     */
    fun moveToFrame(
        resizeSize: Int,
        cropSize: Int,
        width: Int,
        height: Int,
    ) {
        val short = min(width, height)
        for (place in 0 until EDGES * size) {
            val side = if (place % 2 == 0) width else height
            val resized = Fit.resized(side, short, resizeSize)
            val first = (resized - cropSize) / 2
            edges[place] = ((edges[place].toDouble() + first) * (side.toDouble() / resized)).toFloat()
        }
    }
}
