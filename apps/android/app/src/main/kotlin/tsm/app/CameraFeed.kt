package tsm.app

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.util.Size
import android.view.Surface
import kotlin.math.abs

private const val WIDTH = 640
private const val HEIGHT = 480
private const val IMAGES = 3 // One is converted, one is the latest, and one is being filled.

/**
 * A camera of the phone.
 *
 * It keeps only the latest frame: when the network is late, older frames are dropped.
 *
 * @param handler the thread on which frames arrive, and on which the network runs.
 * @param onFrame is called with each frame, which it must not keep.
 * @param onError is called with a sentence when the camera fails.
 */
class CameraFeed(
    context: Context,
    private val handler: Handler,
    private val onFrame: (Image) -> Unit,
    private val onError: (String) -> Unit,
) {
    private val manager = context.getSystemService(Context.CAMERA_SERVICE) as CameraManager
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null
    private var preview: Surface? = null
    private var opening = 0

    /** The orientation of the sensor of the open camera, in degrees. */
    @Volatile
    var sensorOrientation = 0
        private set

    /** The size of the frames as the sensor delivers them. */
    @Volatile
    var size = Size(WIDTH, HEIGHT)
        private set

    /** Returns whether there is a camera on this side of the phone. */
    fun has(isFront: Boolean) = id(isFront) != null

    /** Opens a camera. Its frames also go to the texture. Call it on the handler's thread. */
    @SuppressLint("MissingPermission") // The activity asks for it before.
    fun open(
        isFront: Boolean,
        texture: SurfaceTexture,
    ) {
        close()
        val id = id(isFront) ?: id(!isFront) ?: return onError("There is no camera.")
        val number = ++opening
        try {
            val features = manager.getCameraCharacteristics(id)
            sensorOrientation = features[CameraCharacteristics.SENSOR_ORIENTATION] ?: 0
            size = bestSize(features)
            texture.setDefaultBufferSize(size.width, size.height)
            preview = Surface(texture)
            reader =
                ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, IMAGES).apply {
                    setOnImageAvailableListener({ takeLatest(it) }, handler)
                }
            manager.openCamera(id, Opened(number), handler)
        } catch (error: CameraAccessException) {
            onError("The camera cannot be opened: ${error.message}")
        } catch (error: SecurityException) {
            onError("The camera cannot be opened: ${error.message}")
        }
    }

    /** Closes the camera. Call it on the handler's thread. */
    fun close() {
        opening++
        device?.close()
        device = null
        reader?.close()
        reader = null
        preview?.release()
        preview = null
    }

    private fun takeLatest(reader: ImageReader) {
        val image = reader.acquireLatestImage() ?: return
        try {
            onFrame(image)
        } finally {
            image.close()
        }
    }

    private fun id(isFront: Boolean): String? {
        val side = if (isFront) CameraCharacteristics.LENS_FACING_FRONT else CameraCharacteristics.LENS_FACING_BACK
        return try {
            manager.cameraIdList.firstOrNull {
                manager.getCameraCharacteristics(it)[CameraCharacteristics.LENS_FACING] ==
                    side
            }
        } catch (_: CameraAccessException) {
            null
        }
    }

    private fun bestSize(features: CameraCharacteristics): Size {
        val sizes =
            features[CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP]?.getOutputSizes(
                ImageFormat.YUV_420_888,
            )
        return sizes.orEmpty().minByOrNull { abs(it.width - WIDTH) + abs(it.height - HEIGHT) } ?: Size(WIDTH, HEIGHT)
    }

    /** Starts the preview when the camera is open. */
    private inner class Opened(
        private val number: Int,
    ) : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (number != opening) return camera.close() // Closed or opened anew in the meantime.
            device = camera
            val surfaces = listOfNotNull(preview, reader?.surface)
            try {
                @Suppress("DEPRECATION") // Its successor needs API 28.
                camera.createCaptureSession(surfaces, Configured(camera, surfaces), handler)
            } catch (error: CameraAccessException) {
                onError("The camera cannot be used: ${error.message}")
            }
        }

        override fun onDisconnected(camera: CameraDevice) {
            camera.close()
            if (number == opening) onError("Another app took the camera.")
        }

        override fun onError(
            camera: CameraDevice,
            error: Int,
        ) {
            camera.close()
            if (number == opening) onError("The camera failed with error $error.")
        }
    }

    private inner class Configured(
        private val camera: CameraDevice,
        private val surfaces: List<Surface>,
    ) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            if (camera != device) return
            try {
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                surfaces.forEach { request.addTarget(it) }
                request[CaptureRequest.CONTROL_AF_MODE] = CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_VIDEO
                session.setRepeatingRequest(request.build(), null, handler)
            } catch (error: CameraAccessException) {
                onError("The camera cannot be used: ${error.message}")
            } catch (_: IllegalStateException) {
                // The camera was closed in the meantime.
            }
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = onError("The camera has no such preview.")
    }
}
