package tsm.core.decision

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/**
 * The start or the end of a gesture.
 *
 * @property score at a start the score that started the gesture, at an end its highest score.
 * @property head the name of the head, or empty if the network has only one.
 */
data class GestureEvent(
    val kind: Kind,
    override val label: String,
    override val score: Float,
    override val time: Double,
    val head: String = "",
) : LiveEvent {
    enum class Kind { START, END }
}

/**
 * Averages the logits of a stream and decides when gestures start and end.
 *
 * Every gesture has one start and then one end. Times are compared in whole microseconds, so that
 * six frames at 30 Hz always last 0.2 s.
 *
 * @param labels the classes in the order of the logits.
 * @param head the name of the head in events, or empty if the network has only one.
 */
class GestureDecision(
    private val labels: List<String>,
    private val config: DecisionConfig = DecisionConfig(),
    private val head: String = "",
) {
    /** The softmax of the averaged logits. The array belongs to the decision and changes with each frame. */
    val scores = FloatArray(labels.size)

    /** The label of the current gesture. */
    val gesture: String? get() = labels.getOrNull(current)

    private val competes = BooleanArray(labels.size) { labels[it] !in config.ignored }
    private val isGesture = BooleanArray(labels.size) { competes[it] && labels[it] !in config.noGesture }
    private val average = microseconds(config.average)
    private val minDuration = microseconds(config.minDuration)
    private val cooldown = microseconds(config.cooldown)
    private val recent = RecentLogits(labels.size)
    private val exponents = DoubleArray(labels.size)
    private var time = Double.NEGATIVE_INFINITY
    private var endedAt = Long.MIN_VALUE / 2 // Outlives `end`.
    private var leader = NONE
    private var leadsSince = 0L
    private var current = NONE
    private var best = 0f

    init {
        val unknown = (config.ignored + config.noGesture).filter { it !in labels }
        require(unknown.isEmpty()) { "`ignored` and `noGesture` must name labels of the head. Received: $unknown" }
        require(isGesture.any { it }) { "`ignored` and `noGesture` leave no class. Received: $config" }
    }

    /**
     * Takes the logits of the next frame.
     *
     * @param time the time of the frame in seconds. It never goes back; call [end] before a new stream.
     * @return the events at this frame: none, one, or an end and a start.
     */
    fun update(
        time: Double,
        logits: FloatArray,
    ): List<GestureEvent> {
        require(time >= this.time) { "`time` must not go back from ${this.time}. Received: $time" }
        require(logits.size == labels.size) { "There must be ${labels.size} logits. Received: ${logits.size}" }
        this.time = time
        val now = microseconds(time)
        endedAt = min(endedAt, now) // If time has started again, the cooldown starts again too.
        recent.add(now, logits)
        recent.forgetBefore(now - average)
        updateScores()
        val challenger = challenger(now)
        var ended: GestureEvent? = null
        if (current != NONE) {
            best = max(best, scores[current])
            if (scores[current] < config.endScore || (challenger != NONE && challenger != current)) ended = finish()
        }
        val starts = current == NONE && challenger != NONE && now - endedAt >= cooldown
        val started = if (starts) start(challenger) else null
        return if (ended == null && started == null) emptyList() else listOfNotNull(ended, started)
    }

    /**
     * Ends the current gesture and forgets the stream; keeps the cooldown.
     *
     * @param time the time at which the gesture ends, if it is later than the last frame.
     */
    fun end(time: Double = Double.NEGATIVE_INFINITY): List<GestureEvent> {
        this.time = max(this.time, time)
        val events = if (current == NONE) emptyList() else listOf(finish())
        recent.clear()
        this.time = Double.NEGATIVE_INFINITY
        leader = NONE
        scores.fill(0f)
        return events
    }

    private fun updateScores() {
        recent.mean(exponents)
        var highest = Double.NEGATIVE_INFINITY
        for (k in exponents.indices) if (competes[k]) highest = max(highest, exponents[k])
        var sum = 0.0
        for (k in exponents.indices) {
            exponents[k] = if (competes[k]) exp(exponents[k] - highest) else 0.0
            sum += exponents[k]
        }
        for (k in scores.indices) scores[k] = (exponents[k] / sum).toFloat()
    }

    /** Returns the gesture that has led for long enough to start. */
    private fun challenger(now: Long): Int {
        var highest = 0
        for (k in scores.indices) if (scores[k] > scores[highest]) highest = k
        val leads = isGesture[highest] && scores[highest] >= config.startScore
        val next = if (leads) highest else NONE
        if (next != leader) {
            leader = next
            leadsSince = now
        }
        return if (now - leadsSince >= minDuration) leader else NONE
    }

    private fun start(label: Int): GestureEvent {
        current = label
        best = scores[label]
        return GestureEvent(GestureEvent.Kind.START, labels[label], best, time, head)
    }

    private fun finish(): GestureEvent {
        val event = GestureEvent(GestureEvent.Kind.END, labels[current], best, time, head)
        current = NONE
        endedAt = microseconds(time)
        return event
    }

    private companion object {
        const val NONE = -1
        const val LATEST = 1e12
        const val MICROSECONDS = 1e6

        fun microseconds(seconds: Double) = round(MICROSECONDS * min(seconds, LATEST)).toLong()
    }
}

/** The logits of the latest frames, in a ring that grows only while it is too short. */
private class RecentLogits(
    private val classes: Int,
) {
    private var times = LongArray(FIRST_SIZE)
    private var values = FloatArray(FIRST_SIZE * classes)
    private var first = 0
    private var size = 0

    fun add(
        time: Long,
        logits: FloatArray,
    ) {
        if (size == times.size) grow()
        val place = (first + size++) % times.size
        times[place] = time
        logits.copyInto(values, place * classes)
    }

    fun forgetBefore(time: Long) {
        while (times[first] < time) {
            first = (first + 1) % times.size
            size--
        }
    }

    fun clear() {
        size = 0
    }

    fun mean(result: DoubleArray) {
        result.fill(0.0)
        for (i in 0 until size) {
            val start = (first + i) % times.size * classes
            for (k in result.indices) result[k] += values[start + k].toDouble()
        }
        for (k in result.indices) result[k] /= size.toDouble()
    }

    private fun grow() {
        val order = IntArray(size) { (first + it) % size }
        val oldValues = values
        val oldTimes = times
        times = LongArray(2 * size) { if (it < size) oldTimes[order[it]] else 0 }
        values = FloatArray(2 * oldValues.size)
        order.forEachIndexed { i, place ->
            oldValues.copyInto(
                values,
                i * classes,
                place * classes,
                (place + 1) * classes,
            )
        }
        first = 0
    }

    private companion object {
        const val FIRST_SIZE = 16
    }
}
