package tsm.core.picture

private const val BYTE = 0xff
private const val MIDDLE = 128
private const val BITS = 16
private const val HALF = 1 shl 15

// BT.601 in full range, times 65536: what Android's cameras deliver as YUV_420_888.
private const val RED_OF_V = 91_881
private const val GREEN_OF_U = 22_554
private const val GREEN_OF_V = 46_802
private const val BLUE_OF_U = 116_130
private const val FULL_TURN = 360
private const val QUARTER_TURN = 90

/**
 * One plane of a YUV picture.
 *
 * @property bytes the plane as the camera delivers it.
 * @property rowStride the bytes from one row to the next.
 * @property pixelStride the bytes from one sample to the next.
 */
class Plane(
    val bytes: ByteArray,
    val rowStride: Int,
    val pixelStride: Int,
) {
    internal fun check(
        columns: Int,
        rows: Int,
    ) {
        val isOrdered = pixelStride > 0 && rowStride >= 0
        val needed = (rows - 1L) * rowStride + (columns - 1L) * pixelStride + 1
        require(isOrdered && needed <= bytes.size) {
            "A plane of $columns x $rows samples needs $needed bytes. Received: ${bytes.size} bytes, " +
                "row stride $rowStride, pixel stride $pixelStride"
        }
    }
}

/**
 * Converts YUV 4:2:0 with any strides to an upright RGB picture; `docs/artifact.md` names the matrix.
 *
 * It never mirrors, because a mirrored swipe to the left is a swipe to the right.
 *
 * @param u half as wide and high as [y], rounded up; so is [v].
 * @param rotation how far the picture must be turned clockwise to be upright: 0, 90, 180 or 270 degrees.
 */
fun yuvToRgb(
    width: Int,
    height: Int,
    y: Plane,
    u: Plane,
    v: Plane,
    rotation: Int,
    picture: Picture,
) {
    require(rotation in 0 until FULL_TURN && rotation % QUARTER_TURN == 0) {
        "`rotation` must be 0, 90, 180 or 270. Received: $rotation"
    }
    y.check(width, height)
    u.check((width + 1) / 2, (height + 1) / 2)
    v.check((width + 1) / 2, (height + 1) / 2)
    val isTurned = rotation % (2 * QUARTER_TURN) != 0
    picture.resize(if (isTurned) height else width, if (isTurned) width else height)
    val out = picture.pixels
    val stride = picture.width * Picture.CHANNELS
    val last = out.size - Picture.CHANNELS
    // Where the first pixel goes, and how far the next ones of a row and of a column are from it.
    val start: Int
    val right: Int
    when (rotation) {
        0 -> {
            start = 0
            right = Picture.CHANNELS
        }

        QUARTER_TURN -> {
            start = stride - Picture.CHANNELS
            right = stride
        }

        2 * QUARTER_TURN -> {
            start = last
            right = -Picture.CHANNELS
        }

        else -> {
            start = last - stride + Picture.CHANNELS
            right = -stride
        }
    }
    val down =
        when (rotation) {
            0 -> stride
            QUARTER_TURN -> -Picture.CHANNELS
            2 * QUARTER_TURN -> -stride
            else -> Picture.CHANNELS
        }
    for (row in 0 until height) {
        var at = start + row * down
        val luma = row * y.rowStride
        val uRow = row / 2 * u.rowStride
        val vRow = row / 2 * v.rowStride
        for (column in 0 until width) {
            val bright = (y.bytes[luma + column * y.pixelStride].toInt() and BYTE shl BITS) + HALF
            val blue = (u.bytes[uRow + column / 2 * u.pixelStride].toInt() and BYTE) - MIDDLE
            val red = (v.bytes[vRow + column / 2 * v.pixelStride].toInt() and BYTE) - MIDDLE
            out[at] = level(bright + RED_OF_V * red)
            out[at + 1] = level(bright - GREEN_OF_U * blue - GREEN_OF_V * red)
            out[at + 2] = level(bright + BLUE_OF_U * blue)
            at += right
        }
    }
}

/**
 * Returns how far a picture of a camera must be turned clockwise to be upright.
 *
 * @param sensor the orientation of the sensor, `SENSOR_ORIENTATION`.
 * @param display the rotation of the display in degrees.
 */
fun uprightRotation(
    sensor: Int,
    display: Int,
    isFront: Boolean,
): Int = Math.floorMod(if (isFront) sensor + display else sensor - display, FULL_TURN)

private fun level(value: Int): Byte = (value shr BITS).coerceIn(0, BYTE).toByte()
