package tsm.app

import android.media.Image
import android.os.Handler
import tsm.core.artifact.ArtifactException
import tsm.core.check.Accelerator
import tsm.core.check.AcceleratorChoice
import tsm.core.check.Choice
import tsm.core.decision.LiveStream
import tsm.core.picture.uprightRotation
import java.io.IOException

private const val SECONDS_PER_NANOSECOND = 1e-9
private const val MILLISECONDS_PER_NANOSECOND = 1e-6f
private const val SMOOTHING = 0.1f

/**
 * Runs a network on the frames of a camera, on one background thread.
 *
 * All functions but [load] must be called on that thread.
 *
 * @param handler the background thread.
 * @property state what the screen shows.
 * @param onLoaded is called on the background thread with the choice of the accelerator.
 * @param onError is called on the background thread with a sentence.
 */
class Recognizer(
    private val handler: Handler,
    private val store: ModelStore,
    val state: LiveState,
    private val history: History,
    private val onLoaded: (LoadedModel, Choice) -> Unit,
    private val onError: (String) -> Unit,
) {
    private var stream: LiveStream? = null
    private var converter: FrameConverter? = null

    /** Loads a model, checks the accelerators with it, and so also warms it up. */
    fun load(
        entry: ModelEntry,
        mayUseGpu: Boolean,
    ) {
        handler.post {
            close()
            try {
                val model = store.load(entry)
                val spec = model.artifact.spec
                val choice = AcceleratorChoice(spec, model.vectors) { open(model, it) }.choose(mayUseGpu)
                start(choice)
                onLoaded(model, choice)
            } catch (error: ArtifactException) {
                onError("${entry.title}: ${error.message}")
            } catch (error: IOException) {
                onError("${entry.title}: ${error.message}")
            } catch (error: IllegalArgumentException) {
                onError("${entry.title}: ${error.message}")
            }
        }
    }

    private fun open(
        model: LoadedModel,
        accelerator: Accelerator,
    ) = LiteRtNetwork.open(model.file, accelerator)

    private fun start(choice: Choice) {
        val session = choice.session
        try {
            LiveStream(session).also {
                stream = it
                state.restart(it)
            }
        } catch (error: IllegalArgumentException) {
            // Several streams, for instance.
            session.close()
            throw error
        }
        converter = FrameConverter(session.spec)
    }

    /** Takes a frame of the camera. After an error of the network it takes no more. */
    fun take(
        image: Image,
        sensorOrientation: Int,
        displayDegrees: Int,
        isFront: Boolean,
    ) {
        try {
            advance(image, uprightRotation(sensorOrientation, displayDegrees, isFront), isFront)
        } catch (error: ArtifactException) {
            close()
            onError("The network failed: ${error.message}")
        }
    }

    private fun advance(
        image: Image,
        rotation: Int,
        isFront: Boolean,
    ) {
        val stream = stream ?: return
        val converter = converter ?: return
        val time = image.timestamp * SECONDS_PER_NANOSECOND // The sensor's clock never goes back.
        if (!stream.wants(time)) return
        val start = System.nanoTime()
        converter.convert(image, rotation)
        val events = stream.advance(time, converter.square, converter.width, converter.height)
        val milliseconds = (System.nanoTime() - start) * MILLISECONDS_PER_NANOSECOND
        history.add(events)
        synchronized(state) {
            val objects = stream.objects
            if (objects == null) {
                stream.decisions[0].scores.copyInto(state.scores)
                state.gesture = stream.decisions[0].gesture
            } else {
                state.boxes.copyFrom(objects.boxes)
                state.gesture = objects.best
                state.width = converter.width
                state.height = converter.height
                state.isMirrored = isFront
            }
            state.time = time
            val old = if (state.milliseconds == 0f) milliseconds else state.milliseconds
            state.milliseconds = old + SMOOTHING * (milliseconds - old)
        }
    }

    /** Ends what goes on and forgets the past, because frames are missing from here on. */
    fun restart() {
        try {
            history.add(stream?.restart().orEmpty())
        } catch (error: ArtifactException) {
            close()
            onError("The network failed: ${error.message}")
        }
        state.clear()
    }

    fun close() {
        stream?.session?.close()
        stream = null
        converter = null
    }
}
