package tsm.app

import android.graphics.Matrix
import android.util.Size
import android.view.TextureView
import kotlin.math.max

private const val HALF_TURN = 180

/**
 * Shows a camera's preview upright and without distortion, so that it covers the view.
 *
 * Android already mirrors the preview of a front camera. Only people see it; the network gets
 * the frames as they are.
 *
 * @param size the size of the frames as the sensor delivers them.
 * @param sensor the orientation of the sensor in degrees.
 * @param display the rotation of the display in degrees.
 */
fun shapePreview(
    view: TextureView,
    size: Size,
    sensor: Int,
    display: Int,
) {
    val width = view.width.toFloat()
    val height = view.height.toFloat()
    if (width == 0f || height == 0f) return
    // The view shows the frame as it is upright in the natural orientation of the phone, stretched to the view.
    val isTurned = sensor % HALF_TURN != 0
    val pictureWidth = (if (isTurned) size.height else size.width).toFloat()
    val pictureHeight = (if (isTurned) size.width else size.height).toFloat()
    val isDisplayTurned = display % HALF_TURN != 0
    val scale =
        max(
            width / if (isDisplayTurned) pictureHeight else pictureWidth,
            height / if (isDisplayTurned) pictureWidth else pictureHeight,
        )
    val matrix = Matrix()
    matrix.setScale(pictureWidth / width * scale, pictureHeight / height * scale, width / 2, height / 2)
    matrix.postRotate(-display.toFloat(), width / 2, height / 2)
    view.setTransform(matrix)
}
