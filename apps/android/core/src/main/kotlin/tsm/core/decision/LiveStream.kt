package tsm.core.decision

import tsm.core.session.StreamingSession

/**
 * Runs one camera through a network: pacing, caches, and the decision of each head.
 *
 * For each frame call [wants], and if it is true, [advance]. Frames that the network does not
 * want need not be converted or resized.
 *
 * A network that looks ahead answers late: events have the times of the frames that they belong to.
 *
 * @property session the session of an artifact for one stream.
 * @param configs the rules of each head, in the order of `spec.heads`.
 */
class LiveStream(
    val session: StreamingSession,
    configs: List<DecisionConfig> = session.spec.heads.map { DecisionConfig.of(session.spec, it) },
) {
    /** The decisions, in the order of `spec.heads`. */
    val decisions =
        session.spec.heads.zip(configs) { head, config ->
            GestureDecision(head.labels, config, if (configs.size > 1) head.name else "")
        }

    /** The number of times that the caches were set to zero. */
    var resets = 0
        private set

    private val pacer = FramePacer(session.spec.frameInterval)
    private val squares = arrayOfNulls<ByteArray>(1)
    private val hasEnded = booleanArrayOf(true)

    // The times of the last frames, of which `waiting` have no answer so far.
    private val times = DoubleArray(session.spec.delay + 1)
    private var newest = 0
    private var waiting = 0
    private var pending = emptyList<GestureEvent>()

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
     * @return the events since the last frame.
     */
    fun advance(
        time: Double,
        square: ByteArray,
    ): List<GestureEvent> {
        squares[0] = square
        newest = (newest + 1) % times.size
        times[newest] = time
        waiting++
        session.step(squares)
        val events = pending
        pending = emptyList()
        return if (session.hasAnswer()) answer(events) else events
    }

    /** Ends the current gestures and starts the stream anew, for instance when the app is paused. */
    fun restart(time: Double = Double.NEGATIVE_INFINITY): List<GestureEvent> {
        val events = pending + finish() + endAll(time)
        pending = emptyList()
        pacer.restart()
        resets++
        return events
    }

    /** Takes the logits of the first frame that waits for them, and adds to the events before. */
    private fun answer(before: List<GestureEvent>): List<GestureEvent> {
        waiting--
        val time = times[Math.floorMod(newest - waiting, times.size)]
        var events = before
        for (head in decisions.indices) {
            val found = decisions[head].update(time, session.logits(head = head))
            if (found.isNotEmpty()) events = events + found
        }
        return events
    }

    /** Takes the answers that are due, and starts the stream anew. */
    private fun finish(): List<GestureEvent> {
        var events = emptyList<GestureEvent>()
        while (waiting > 0) {
            session.stepPastEnd(hasEnded)
            if (session.hasAnswer()) events = answer(events)
        }
        session.reset()
        return events
    }

    private fun endAll(time: Double) = decisions.flatMap { it.end(time) }
}
