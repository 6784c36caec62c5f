package tsm.app

/**
 * What the screen shows; the network's thread writes it and the main thread reads it.
 *
 * Hold its lock (`synchronized(state)`) to read or write several fields.
 */
class LiveState {
    var labels: List<String> = emptyList()
    var scores = FloatArray(0)
    var gesture: String? = null

    /** The time of the last frame, in seconds of the camera's clock. */
    var time = 0.0
    var milliseconds = 0f

    /** Starts anew with the labels of another model. */
    @Synchronized
    fun restart(labels: List<String>) {
        this.labels = labels
        scores = FloatArray(labels.size)
        gesture = null
        milliseconds = 0f
    }
}
