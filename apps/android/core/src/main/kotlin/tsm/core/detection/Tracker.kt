package tsm.core.detection

import kotlin.math.max
import kotlin.math.min

private const val EDGES = 4
private const val SAME = 0.7 // Boxes with an intersection over union above this are nearly the same.

/**
 * The rules by which objects appear and disappear; `docs/live.md` describes them.
 *
 * @property threshold the score that the box of an object must have; null for that of the artifact.
 * @property overlap the intersection over union that a box must have with the expected box of an object.
 * @property hits the number of frames, one after the other, in which an object is found before it appears.
 * @property misses the number of frames, one after the other, in which it is missing before it disappears.
 */
data class TrackConfig(
    val threshold: Float? = null,
    val overlap: Double = 0.2,
    val hits: Int = 3,
    val misses: Int = 5,
) {
    init {
        require(threshold == null || threshold in 0f..1f) { "`threshold` must be in 0..1. Received: $this" }
        require(overlap > 0 && overlap <= 1) { "`overlap` must be more than 0, and at most 1. Received: $this" }
        require(hits >= 1 && misses >= 1) { "`hits` and `misses` must be at least 1. Received: $this" }
    }
}

/** An object that is followed. */
class Track internal constructor() {
    /** The number of the object, counted from 1 as objects appear; 0 if it has not appeared. */
    var number = 0
        internal set

    /** The number of its label. */
    var label = 0
        private set

    /** The score of its last box. */
    var score = 0f
        private set

    /** Its highest score so far. */
    var best = 0f
        private set

    /** The edges of its last box. */
    val box = FloatArray(EDGES)

    private val expected = FloatArray(EDGES)
    internal var hits = 0
    internal var misses = 0
    internal var isTaken = false // By a box of the present frame.
    private var moveX = 0f // Pixels per frame.
    private var moveY = 0f

    internal fun begin(
        boxes: Boxes,
        place: Int,
    ) {
        number = 0
        hits = 0
        moveX = 0f
        moveY = 0f
        best = 0f
        label = boxes.labels[place]
        note(boxes, place)
    }

    internal fun goOn(
        boxes: Boxes,
        place: Int,
    ) {
        val frames = max(misses, 1)
        val at = EDGES * place
        moveX = (boxes.edges[at] - box[0] + (boxes.edges[at + 2] - box[2])) / 2 / frames
        moveY = (boxes.edges[at + 1] - box[1] + (boxes.edges[at + 3] - box[3])) / 2 / frames
        note(boxes, place)
    }

    private fun note(
        boxes: Boxes,
        place: Int,
    ) {
        boxes.edges.copyInto(box, 0, EDGES * place, EDGES * (place + 1))
        score = boxes.scores[place]
        best = max(best, score)
        hits++
        misses = 0
        isTaken = true
    }

    /** Returns the intersection over union of a box and of where this object is expected in the frame. */
    internal fun overlap(
        boxes: Boxes,
        place: Int,
    ): Double {
        val x = moveX * misses
        val y = moveY * misses
        expected[0] = box[0] + x
        expected[1] = box[1] + y
        expected[2] = box[2] + x
        expected[3] = box[3] + y
        return overlap(boxes.edges, EDGES * place, expected, 0)
    }
}

/** Returns the intersection over union of two boxes, whose four edges begin at a place of an array; 0 without an area. */
private fun overlap(
    one: FloatArray,
    at: Int,
    other: FloatArray,
    from: Int,
): Double {
    val left = max(one[at], other[from])
    val top = max(one[at + 1], other[from + 1])
    val right = min(one[at + 2], other[from + 2])
    val bottom = min(one[at + 3], other[from + 3])
    val shared = area(left, top, right, bottom)
    val united =
        area(one[at], one[at + 1], one[at + 2], one[at + 3]) +
            area(other[from], other[from + 1], other[from + 2], other[from + 3]) - shared
    return if (united > 0) shared / united else 0.0
}

private fun area(
    left: Float,
    top: Float,
    right: Float,
    bottom: Float,
) = max(0.0, right.toDouble() - left) * max(0.0, bottom.toDouble() - top)

/**
 * Follows the objects of one stream from frame to frame.
 *
 * A frame allocates nothing, unless there are more objects at the same time than ever before.
 *
 * @param most the greatest number of boxes per frame.
 */
class Tracker(
    private val config: TrackConfig,
    most: Int,
) {
    /** The objects that the last [update] or [end] let appear. The list changes with the next call. */
    val appeared: List<Track> get() = coming

    /** The objects that the last [update] or [end] let disappear. The list changes with the next call. */
    val disappeared: List<Track> get() = gone

    private val coming = ArrayList<Track>()
    private val gone = ArrayList<Track>()
    private val tracks = ArrayList<Track>() // The oldest first.
    private val unused = ArrayList<Track>()
    private val owners = arrayOfNulls<Track>(most)
    private var count = 0

    /** Takes the boxes of the next frame, the best first, and writes the numbers of their objects. */
    fun update(boxes: Boxes) {
        forget()
        for (i in tracks.indices) {
            tracks[i].misses++
            tracks[i].isTaken = false
        }
        for (place in 0 until boxes.size) {
            owners[place] = if (isSecondLabel(boxes, place)) null else follow(boxes, place)
        }
        for (i in tracks.indices) {
            val track = tracks[i]
            if (track.number > 0 || track.misses > 0 || track.hits < config.hits) continue
            track.number = ++count
            coming.add(track)
        }
        for (place in 0 until boxes.size) boxes.tracks[place] = owners[place]?.number ?: 0
        dropLost()
    }

    /** Forgets all objects; they disappear. */
    fun end() {
        forget()
        for (i in tracks.indices) (if (tracks[i].number > 0) gone else unused).add(tracks[i])
        tracks.clear()
    }

    /** The objects that disappeared before may be used again. */
    private fun forget() {
        for (i in gone.indices) unused.add(gone[i])
        gone.clear()
        coming.clear()
    }

    /** Returns whether a better box with another label is nearly the same: they are about the same object. */
    private fun isSecondLabel(
        boxes: Boxes,
        place: Int,
    ): Boolean {
        for (better in 0 until place) {
            if (boxes.labels[better] == boxes.labels[place]) continue
            if (overlap(boxes.edges, EDGES * better, boxes.edges, EDGES * place) > SAME) return true
        }
        return false
    }

    /** Continues the object that a box fits best, or begins one. */
    private fun follow(
        boxes: Boxes,
        place: Int,
    ): Track {
        var best: Track? = null
        var highest = 0.0
        for (i in tracks.indices) {
            val track = tracks[i]
            if (track.isTaken || track.label != boxes.labels[place]) continue
            val overlap = track.overlap(boxes, place)
            if (overlap < config.overlap || overlap <= highest) continue // Of equal ones, the oldest.
            best = track
            highest = overlap
        }
        if (best != null) {
            best.goOn(boxes, place)
            return best
        }
        val track = if (unused.isEmpty()) Track() else unused.removeAt(unused.size - 1)
        track.begin(boxes, place)
        tracks.add(track)
        return track
    }

    /** Drops what is lost. What has not appeared yet must be found in each frame. */
    private fun dropLost() {
        var kept = 0
        for (i in tracks.indices) {
            val track = tracks[i]
            val allowed = if (track.number > 0) config.misses else 1
            if (track.misses < allowed) {
                tracks[kept++] = track
            } else {
                (if (track.number > 0) gone else unused).add(track)
            }
        }
        while (tracks.size > kept) tracks.removeAt(tracks.size - 1)
    }
}
