package tsm.core.picture

import tsm.core.check.Vectors
import tsm.core.check.int
import tsm.core.check.vectorBytes
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class PictureTest {
    @Test
    fun `fit agrees with the vectors`() =
        Vectors.forEach("fit") { case ->
            val (height, width) = Vectors.numbers(case["size"]).map { it.toInt() }
            val fit = Fit(case.int("resize_size"), case.int("crop_size"))
            val image = case["image"]
            val picture = Picture()
            picture.resize(width, height)
            if (image != null) vectorBytes(image).copyInto(picture.pixels)
            val square = ByteArray(fit.size * fit.size * 3)
            if (case["accepted"] == false) {
                assertFailsWith<IllegalArgumentException> { fit.fit(picture, square) }
                return@forEach
            }
            val short = minOf(width, height)
            val resized = listOf(height, width).map { Fit.resized(it, short, case.int("resize_size")) }
            assertEquals(Vectors.numbers(case["resized"]).map { it.toInt() }, resized)
            assertEquals(Vectors.numbers(case["corner"]).map { it.toInt() }, resized.map { (it - fit.size) / 2 })
            fit.fit(picture, square)
            if (image == null) return@forEach
            val expected = vectorBytes(case["square"])
            val allowed = if (short == case.int("resize_size")) 0.0 else Vectors.level("pixels")
            assertTrue(Vectors.levelsApart(expected, square) <= allowed)
        }

    @Test
    fun `a fit that is used again for another size equals a new one`() {
        val used = Fit(20, 16)
        for ((width, height) in listOf(40 to 30, 25 to 33, 40 to 30)) {
            val picture = Picture()
            picture.resize(width, height)
            for (i in picture.pixels.indices) picture.pixels[i] = (i * 31 % 251).toByte()
            val one = ByteArray(16 * 16 * 3)
            val other = ByteArray(16 * 16 * 3)
            used.fit(picture, one)
            Fit(20, 16).fit(picture, other)
            assertContentEquals(other, one)
        }
    }

    @Test
    fun `camera frames become RGB as the vectors say`() =
        Vectors.forEach("yuv") { case ->
            val (height, width) = Vectors.numbers(case["size"]).map { it.toInt() }
            val planes = case["planes"] as Map<*, *>
            val (y, u, v) = listOf("y", "u", "v").map { plane(planes[it] as Map<*, *>) }
            val picture = Picture()
            yuvToRgb(width, height, y, u, v, case.int("rotation"), picture)
            assertEquals(Vectors.shape(case["rgb"]), listOf(picture.height, picture.width, 3))
            assertTrue(Vectors.levelsApart(vectorBytes(case["rgb"]), picture.pixels) <= Vectors.level("pixels"))
        }

    @Test
    fun `a plane that is too short is refused`() {
        val y = Plane(ByteArray(16), 4, 1)
        val short = Plane(ByteArray(3), 2, 1)
        val full = Plane(ByteArray(4), 2, 1)
        assertFailsWith<IllegalArgumentException> { yuvToRgb(4, 4, y, short, full, 0, Picture()) }
        assertFailsWith<IllegalArgumentException> { yuvToRgb(4, 5, y, full, full, 0, Picture()) }
        assertFailsWith<IllegalArgumentException> { yuvToRgb(4, 4, y, full, full, 45, Picture()) }
    }

    @Test
    fun `frames are turned by sensor and display`() {
        assertEquals(90, uprightRotation(90, 0, isFront = false)) // A phone held upright.
        assertEquals(0, uprightRotation(90, 90, isFront = false))
        assertEquals(180, uprightRotation(90, 270, isFront = false))
        assertEquals(270, uprightRotation(270, 0, isFront = true))
        assertEquals(0, uprightRotation(270, 90, isFront = true))
    }

    private fun plane(fields: Map<*, *>) =
        Plane(vectorBytes(fields["data"]), fields.int("row_stride"), fields.int("pixel_stride"))

    @Test
    fun `a point of a frame is where the preview shows it`() {
        val placement = FramePlacement()
        placement.set(1080, 1920, 480, 640, false)
        // The frame is 1440 x 1920 pixels large in the view, of which 180 are cut off at each side.
        assertEquals(listOf(-180f, 540f, 1260f), listOf(0f, 240f, 480f).map { placement.x(it) })
        assertEquals(listOf(0f, 960f, 1920f), listOf(0f, 320f, 640f).map { placement.y(it) })
        placement.set(1080, 1920, 480, 640, true)
        assertEquals(listOf(1260f, 1230f, -180f), listOf(0f, 10f, 480f).map { placement.x(it) })
        assertEquals(30f, placement.y(10f))
        placement.set(200, 100, 100, 100, false)
        assertEquals(listOf(20f, -30f), listOf(placement.x(10f), placement.y(10f)))
    }
}
