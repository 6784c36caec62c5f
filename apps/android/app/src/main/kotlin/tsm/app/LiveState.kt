package tsm.app

import tsm.core.decision.LiveStream
import tsm.core.detection.Boxes

/**
 * What the screen shows; the network's thread writes it and the main thread reads it.
 *
 * Hold its lock (`synchronized(state)`) to read or write several fields.
 */
class LiveState {
    /** The name of the head that is shown, or empty if the network has only one. */
    var head = ""
    var labels: List<String> = emptyList()

    /** The score of each label; empty for a detector. */
    var scores = FloatArray(0)

    /** The gesture that goes on, or the label of the object with the best score. */
    var gesture: String? = null

    /** The time of the last frame, in seconds of the camera's clock. */
    var time = 0.0
    var milliseconds = 0f

    /** The boxes of a detector, in pixels of the upright frame. */
    var boxes = Boxes(0)

    /** The size of the upright frame in pixels. */
    var width = 0
    var height = 0

    /** Whether the screen mirrors the frame. */
    var isMirrored = false

    /** Starts anew with another model, of which the first head is shown, or the objects. */
    @Synchronized
    fun restart(stream: LiveStream) {
        val objects = stream.objects
        val heads = stream.session.spec.heads
        head = if (heads.size > 1) heads[0].name else ""
        labels = objects?.labels ?: heads[0].labels
        scores = FloatArray(if (objects == null) labels.size else 0)
        boxes = Boxes(objects?.boxes?.most ?: 0)
        gesture = null
        milliseconds = 0f
    }

    /** Forgets what was found. */
    @Synchronized
    fun clear() {
        scores.fill(0f)
        boxes.clear()
        gesture = null
    }
}
