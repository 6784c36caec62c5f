package tsm.app

import tsm.core.decision.GestureEvent
import tsm.core.decision.eventLine

private const val MAX_EVENTS = 1000

/** Shows a gesture with its start and end; not a lambda, which would box the times. */
fun interface GestureVisitor {
    fun visit(
        label: String,
        start: Double,
        end: Double,
    )
}

/** The latest gestures, which the network's thread adds and the main thread shows. */
class History {
    private val events = ArrayDeque<GestureEvent>()

    @Synchronized
    fun add(found: List<GestureEvent>) {
        for (event in found) events.addLast(event)
        while (events.size > MAX_EVENTS) events.removeFirst()
    }

    @Synchronized
    fun clear() = events.clear()

    /** Returns the events as JSON lines. */
    @Synchronized
    fun lines(source: String): String = events.joinToString("") { eventLine(source, it) + "\n" }

    /**
     * Visits the gestures of one head since a time, oldest first.
     *
     * @param head the name of the head, or empty if the network has only one.
     * @param now the end of a gesture that has not ended yet.
     */
    @Synchronized
    fun forEachGesture(
        head: String,
        since: Double,
        now: Double,
        visitor: GestureVisitor,
    ) {
        var start: GestureEvent? = null
        for (i in events.indices) {
            val event = events[i]
            if (event.head != head) continue
            if (event.kind == GestureEvent.Kind.START) {
                start = event
            } else {
                if (event.time >= since) visitor.visit(event.label, start?.time ?: since, event.time)
                start = null
            }
        }
        start?.let { if (it.time <= now) visitor.visit(it.label, it.time, now) }
    }
}
