package tsm.core.decision

import tsm.core.artifact.ArtifactSpec
import tsm.core.detection.BoxDecoder
import tsm.core.detection.Track
import tsm.core.detection.TrackConfig
import tsm.core.detection.Tracker
import tsm.core.session.StreamingSession
import kotlin.math.max

/**
 * An object appears or disappears.
 *
 * @property track the number of the object, counted from 1.
 * @property score when it appears its score, when it disappears its highest score.
 * @property box its last box: left, upper, right and lower edge in pixels of the upright frame.
 */
data class ObjectEvent(
    val kind: Kind,
    val track: Int,
    override val label: String,
    override val score: Float,
    override val time: Double,
    val box: List<Float>,
) : LiveEvent {
    enum class Kind { APPEAR, DISAPPEAR }
}

/**
 * Finds the objects of one stream, and tells when they appear and disappear.
 *
 * @param spec the spec of a detector.
 */
class ObjectDecision(
    private val spec: ArtifactSpec,
    config: TrackConfig = TrackConfig(),
) {
    private val rule = requireNotNull(spec.detection) { "Boxes need a detector. Received: ${spec.task}" }
    private val decoder = BoxDecoder(spec.maps, rule, config.threshold ?: rule.threshold)

    /** The names of the labels of the boxes. */
    val labels = spec.maps.first { it.labels.isNotEmpty() }.labels
    private var time = Double.NEGATIVE_INFINITY

    /** The boxes of the last frame. They belong to the decision and change with each frame. */
    val boxes = decoder.newBoxes()

    /** The label of the best box whose object has appeared, or null. */
    val best: String?
        get() {
            for (i in 0 until boxes.size) if (boxes.tracks[i] > 0) return labels[boxes.labels[i]]
            return null
        }

    private val tracker = Tracker(config, boxes.most)

    /**
     * Takes what a session found in the next frame.
     *
     * @param width the width of the upright frame that the network's square was cut from; 0 leaves
     *   the boxes in pixels of the square.
     * @param height its height.
     * @return the objects that disappear, and then those that appear.
     */
    fun update(
        time: Double,
        session: StreamingSession,
        width: Int,
        height: Int,
    ): List<LiveEvent> {
        this.time = time
        decoder.decode(session.allNumbers, 0, boxes)
        if (width > 0) boxes.moveToFrame(spec.resizeSize, spec.imageSize, width, height)
        tracker.update(boxes)
        return events()
    }

    /**
     * Lets all objects disappear.
     *
     * @param time the time at which they do, if it is later than the last frame.
     */
    fun end(time: Double = Double.NEGATIVE_INFINITY): List<LiveEvent> {
        this.time = max(this.time, time)
        tracker.end()
        boxes.clear()
        val events = events()
        this.time = Double.NEGATIVE_INFINITY
        return events
    }

    private fun events() = objectEvents(tracker, labels, time)
}

/** Returns the events of the last frame of a tracker. */
internal fun objectEvents(
    tracker: Tracker,
    labels: List<String>,
    time: Double,
): List<ObjectEvent> {
    if (tracker.appeared.isEmpty() && tracker.disappeared.isEmpty()) return emptyList()

    fun event(
        kind: ObjectEvent.Kind,
        track: Track,
        score: Float,
    ) = ObjectEvent(kind, track.number, labels[track.label], score, time, track.box.toList())
    return tracker.disappeared.map { event(ObjectEvent.Kind.DISAPPEAR, it, it.best) } +
        tracker.appeared.map { event(ObjectEvent.Kind.APPEAR, it, it.score) }
}
