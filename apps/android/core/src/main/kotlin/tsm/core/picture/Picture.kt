package tsm.core.picture

/** An RGB picture, row by row, whose memory is used again for the next picture. */
class Picture {
    var width = 0
        private set
    var height = 0
        private set
    var pixels = ByteArray(0)
        private set

    /** Makes room for a picture of another size. The pixels are not cleared. */
    fun resize(
        width: Int,
        height: Int,
    ) {
        require(width > 0 && height > 0) { "A picture has pixels. Received: $width x $height" }
        val size = Math.multiplyExact(Math.multiplyExact(width, height), CHANNELS)
        if (pixels.size != size) pixels = ByteArray(size)
        this.width = width
        this.height = height
    }

    companion object {
        const val CHANNELS = 3
    }
}
