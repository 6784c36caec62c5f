package tsm.app

import android.media.Image
import tsm.core.artifact.ArtifactSpec
import tsm.core.picture.Fit
import tsm.core.picture.Picture
import tsm.core.picture.Plane
import tsm.core.picture.yuvToRgb

/** Makes the network's square of a camera frame, in memory that is used again for the next frame. */
class FrameConverter(
    spec: ArtifactSpec,
) {
    private val fit = Fit(spec)
    private val picture = Picture()
    private val planes = arrayOfNulls<Plane>(PLANES)

    /** The width of the last frame when it is upright. */
    val width get() = picture.width

    /** The height of the last frame when it is upright. */
    val height get() = picture.height

    /** The RGB square of the last frame. */
    val square = ByteArray(fit.size * fit.size * Picture.CHANNELS)

    /**
     * Converts a frame.
     *
     * @param rotation how far the frame must be turned clockwise to be upright.
     */
    fun convert(
        image: Image,
        rotation: Int,
    ) {
        val source = image.planes
        for (i in 0 until PLANES) planes[i] = copy(source[i], planes[i])
        yuvToRgb(image.width, image.height, planes[0]!!, planes[1]!!, planes[2]!!, rotation, picture)
        fit.fit(picture, square)
    }

    /** Copies a plane at once, because reading a camera's memory byte by byte is slow. */
    private fun copy(
        source: Image.Plane,
        old: Plane?,
    ): Plane {
        val buffer = source.buffer
        val size = buffer.remaining()
        val isSame =
            old != null && old.bytes.size == size && old.rowStride == source.rowStride &&
                old.pixelStride == source.pixelStride
        val plane = if (isSame) old else Plane(ByteArray(size), source.rowStride, source.pixelStride)
        buffer.get(plane.bytes)
        return plane
    }

    private companion object {
        const val PLANES = 3
    }
}
