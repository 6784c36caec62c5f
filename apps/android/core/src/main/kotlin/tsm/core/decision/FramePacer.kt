package tsm.core.decision

import kotlin.math.max

/** Says whether the network takes a frame. */
enum class Step {
    SKIP,
    TAKE,

    /** Set the caches to zero, then take the frame. */
    RESTART,
}

/**
 * Picks frames by their timestamps, at the interval of the training.
 *
 * It takes the frames that are nearest to a grid of [interval]. If frames come less often than
 * that, it takes each of them and the grid starts again there.
 *
 * @param interval the seconds between two frames in training; 0 takes every frame.
 * @property maxGap the network starts anew when more seconds than this pass between two frames,
 *   and whenever time goes back.
 */
class FramePacer(
    private val interval: Double,
    val maxGap: Double = max(1.0, 3 * interval),
) {
    private var last = Double.NaN // No frame yet.
    private var due = 0.0

    init {
        require(interval.isFinite() && interval >= 0) { "`interval` must be seconds, 0 or more. Received: $interval" }
        require(maxGap > interval) { "`maxGap` must be more than the interval, $interval. Received: $maxGap" }
    }

    /** Treats the next frame as the first one of a stream. */
    fun restart() {
        last = Double.NaN
    }

    /** Says what to do with the next frame of the stream, at a time in seconds. */
    fun step(time: Double): Step {
        if (last.isNaN()) return begin(time, Step.TAKE)
        val passed = time - last
        if (passed < 0 || passed > maxGap) return begin(time, Step.RESTART)
        last = time
        // The next frame is expected at `time + passed`. Skip this one if that one will be nearer to the grid.
        if (time + passed / 2 < due) return Step.SKIP
        due += interval
        if (due <= time) due = time + interval
        return Step.TAKE
    }

    private fun begin(
        time: Double,
        step: Step,
    ): Step {
        last = time
        due = time + interval
        return step
    }
}
