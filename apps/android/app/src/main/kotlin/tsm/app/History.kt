package tsm.app

import tsm.core.decision.GestureEvent
import tsm.core.decision.LiveEvent
import tsm.core.decision.ObjectEvent
import tsm.core.decision.eventLine

private const val MAX_EVENTS = 1000

/** Shows a gesture or the presence of an object; not a lambda, which would box the times. */
fun interface PeriodVisitor {
    /**
     * Shows a period.
     *
     * @param track the number of the object, or 0 for a gesture.
     */
    fun visit(
        track: Int,
        label: String,
        start: Double,
        end: Double,
    )
}

/** The latest gestures and objects, which the network's thread adds and the main thread shows. */
class History {
    private val events = ArrayDeque<LiveEvent>()

    @Synchronized
    fun add(found: List<LiveEvent>) {
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
        visitor: PeriodVisitor,
    ) {
        var start: GestureEvent? = null
        for (i in events.indices) {
            val event = events[i]
            if (event !is GestureEvent || event.head != head) continue
            if (event.kind == GestureEvent.Kind.START) {
                start = event
            } else {
                if (event.time >= since) visitor.visit(0, event.label, start?.time ?: since, event.time)
                start = null
            }
        }
        start?.let { if (it.time <= now) visitor.visit(0, it.label, it.time, now) }
    }

    /**
     * Visits the objects that were there since a time, in the order in which they appeared.
     *
     * @param now the end of the presence of an object that has not disappeared yet.
     */
    @Synchronized
    fun forEachObject(
        since: Double,
        now: Double,
        visitor: PeriodVisitor,
    ) {
        for (i in events.indices) {
            val event = events[i]
            if (event !is ObjectEvent || event.kind != ObjectEvent.Kind.APPEAR || event.time > now) continue
            val end = disappearance(event.track, i + 1) ?: now
            if (end >= since) visitor.visit(event.track, event.label, event.time, end)
        }
    }

    private fun disappearance(
        track: Int,
        first: Int,
    ): Double? {
        for (i in first until events.size) {
            val event = events[i]
            if (event is ObjectEvent && event.track == track) return event.time
        }
        return null
    }
}
