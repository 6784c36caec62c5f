package tsm.core.decision

import tsm.core.detection.TrackConfig
import tsm.core.session.StreamingSession

/**
 * Runs one camera through a network: pacing, caches, and the decision of each head or about objects.
 *
 * For each frame call [wants], and if it is true, [advance]. Frames that the network does not
 * want need not be converted or resized.
 *
 * A network that looks ahead answers late: events have the times of the frames that they belong to.
 *
 * @property session the session of an artifact for one stream.
 * @param configs the rules of each head, in the order of `spec.heads`.
 * @param trackConfig the rules of the objects, if the network is a detector.
 */
class LiveStream(
    val session: StreamingSession,
    configs: List<DecisionConfig> = session.spec.heads.map { DecisionConfig.of(session.spec, it) },
    trackConfig: TrackConfig = TrackConfig(),
) {
    /** The decision about the objects, if the network is a detector. */
    val objects = session.spec.detection?.let { ObjectDecision(session.spec, trackConfig) }

    /** The decisions, in the order of `spec.heads`; none for a detector. */
    val decisions =
        if (objects != null) {
            emptyList()
        } else {
            session.spec.heads.zip(configs) { head, config ->
                GestureDecision(head.labels, config, if (configs.size > 1) head.name else "")
            }
        }

    /** The number of times that the caches were set to zero. */
    var resets = 0
        private set

    private val pacer = FramePacer(session.spec.frameInterval)
    private val squares = arrayOfNulls<ByteArray>(1)
    private val hasEnded = booleanArrayOf(true)

    // The times of the last frames, of which `waiting` have no answer so far.
    private val times = DoubleArray(session.spec.delay + 1)
    private val widths = IntArray(times.size)
    private val heights = IntArray(times.size)
    private var newest = 0
    private var waiting = 0
    private var pending = emptyList<LiveEvent>()

    init {
        require(session.spec.streams == 1) {
            "A camera needs an artifact for one stream. Received: ${session.spec.streams} streams"
        }
    }

    /** Says whether the network takes the frame at this time, and starts anew after a gap. */
    fun wants(time: Double): Boolean {
        val step = pacer.step(time)
        if (step == Step.RESTART) {
            resets++
            pending = pending + finish() + endAll(Double.NEGATIVE_INFINITY)
        }
        return step != Step.SKIP
    }

    /**
     * Takes a frame that the network wants.
     *
     * @param square the frame, resized and cropped by [Fit].
     * @param width the width of the upright frame before that; a detector's boxes are in its pixels.
     *   If it is 0, they are in pixels of the square.
     * @param height its height.
     * @return the events since the last frame.
     */
    fun advance(
        time: Double,
        square: ByteArray,
        width: Int = 0,
        height: Int = 0,
    ): List<LiveEvent> {
        squares[0] = square
        newest = (newest + 1) % times.size
        times[newest] = time
        widths[newest] = width
        heights[newest] = height
        waiting++
        session.step(squares)
        val events = pending
        pending = emptyList()
        return if (session.hasAnswer()) answer(events) else events
    }

    /** Ends the current gestures, or the presence of all objects, and starts the stream anew, for instance when the app is paused. */
    fun restart(time: Double = Double.NEGATIVE_INFINITY): List<LiveEvent> {
        val events = pending + finish() + endAll(time)
        pending = emptyList()
        pacer.restart()
        resets++
        return events
    }

    /** Takes the results of the first frame that waits for them, and adds to the events before. */
    private fun answer(before: List<LiveEvent>): List<LiveEvent> {
        waiting--
        val place = Math.floorMod(newest - waiting, times.size)
        val time = times[place]
        var events = before
        for (head in decisions.indices) {
            val found = decisions[head].update(time, session.logits(head = head))
            if (found.isNotEmpty()) events = events + found
        }
        val found = objects?.update(time, session, widths[place], heights[place]) ?: return events
        return if (found.isEmpty()) events else events + found
    }

    /** Takes the answers that are due, and starts the stream anew. */
    private fun finish(): List<LiveEvent> {
        var events = emptyList<LiveEvent>()
        while (waiting > 0) {
            session.stepPastEnd(hasEnded)
            if (session.hasAnswer()) events = answer(events)
        }
        session.reset()
        return events
    }

    private fun endAll(time: Double): List<LiveEvent> =
        decisions.flatMap { it.end(time) } + objects?.end(time).orEmpty()
}
