package tsm.core.picture

import kotlin.math.max

/**
 * Where the points of a frame are in a view that the frame covers, with both centres at the same place.
 *
 * The preview of a camera is shown so. That of a front camera is mirrored, and so are the places.
 */
class FramePlacement {
    private var scale = 1f
    private var left = 0f
    private var top = 0f
    private var mirroredWidth = 0f
    private var direction = 1

    /** Sets the sizes of the view and of the upright frame in it, and whether the view mirrors the frame. */
    fun set(
        viewWidth: Int,
        viewHeight: Int,
        width: Int,
        height: Int,
        isMirrored: Boolean,
    ) {
        scale = max(viewWidth.toFloat() / width, viewHeight.toFloat() / height)
        left = (viewWidth - width * scale) / 2
        top = (viewHeight - height * scale) / 2
        mirroredWidth = if (isMirrored) width.toFloat() else 0f
        direction = if (isMirrored) -1 else 1
    }

    /** Returns the place in the view of an x in the frame. */
    fun x(x: Float): Float = left + (mirroredWidth + direction * x) * scale

    /** Returns the place in the view of a y in the frame. */
    fun y(y: Float): Float = top + y * scale
}
