package tsm.app

import tsm.core.artifact.TensorSpec

/**
 * What the screen shows; the network's thread writes it and the main thread reads it.
 *
 * Hold its lock (`synchronized(state)`) to read or write several fields.
 */
class LiveState {
    /** The name of the head that is shown, or empty if the network has only one. */
    var head = ""
    var labels: List<String> = emptyList()
    var scores = FloatArray(0)
    var gesture: String? = null

    /** The time of the last frame, in seconds of the camera's clock. */
    var time = 0.0
    var milliseconds = 0f

    /** Starts anew with another model, of which the first head is shown. */
    @Synchronized
    fun restart(heads: List<TensorSpec>) {
        head = if (heads.size > 1) heads[0].name else ""
        labels = heads[0].labels
        scores = FloatArray(labels.size)
        gesture = null
        milliseconds = 0f
    }
}
