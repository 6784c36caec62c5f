package tsm.core.artifact

import tsm.core.check.Vectors
import tsm.core.check.int
import tsm.core.check.vectorBytes
import tsm.core.decision.DecisionConfig
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

private const val MUTATIONS = 10_000
private const val SECONDS = 120

class ArtifactTest {
    @Test
    fun `an artifact is read`() {
        val artifact = Artifact.from(Vectors.artifact("int8.tflite"))
        val spec = artifact.spec
        assertEquals(32, spec.imageSize)
        assertEquals(DType.INT8, spec.frame.dtype)
        assertEquals(listOf("no_gesture", "swipe_left", "swipe_right", "wave"), spec.heads.single().labels)
        assertTrue(artifact.model.size < Vectors.artifact("int8.tflite").size)
        assertEquals(0.6, DecisionConfig.of(spec).startScore + 0.6 - (spec.decision["start_score"] ?: 0.6), 1e-9)
    }

    @Test
    fun `a detector is read`() {
        val spec = Artifact.from(Vectors.artifact("detector.tflite")).spec
        assertEquals(DetectionRule(4, 0.3f, 100), spec.detection)
        assertEquals(TensorSpec.MAPS.toSet(), spec.results.map { it.role }.toSet())
        assertEquals(listOf("ball", "cup", "hand"), spec.maps.single { it.labels.isNotEmpty() }.labels)
    }

    @Test
    fun `changed files are refused with a reason, or accepted`() {
        Vectors.forEach("refuse") { case ->
            val error = assertFailsWith<ArtifactException> { Artifact.from(changed(case)) }
            assertTrue(error.message!!.isNotBlank())
        }
        Vectors.forEach("accept") { case -> Artifact.from(changed(case)) }
    }

    @Test
    fun `a file of a newer format says so`() {
        val case = Vectors.file.cases.first { it["name"] == "refuse, format 4" }
        val error = assertFailsWith<ArtifactException> { Artifact.from(changed(case)) }
        assertTrue("newer version" in error.message!!, error.message)
    }

    @Test
    fun `mutated files give an error or an artifact, and nothing else`() {
        val content = Vectors.artifact("two_streams_int8.tflite")
        val start = Artifact.from(content).model.size
        val random = Random(18)
        val end = System.nanoTime() + SECONDS * 1_000_000_000L
        var refused = 0
        repeat(MUTATIONS) {
            val bytes = mutate(content, start, random)
            try {
                Artifact.from(bytes)
            } catch (error: ArtifactException) {
                refused++
            }
            assertTrue(System.nanoTime() < end, "The reader is too slow, or hangs.")
        }
        assertTrue(refused > MUTATIONS / 2, "Only $refused of $MUTATIONS mutated files were refused.")
    }

    @Test
    fun `mutated specs give an error or a spec, and nothing else`() {
        val texts = listOf("two_streams_int8", "detector").map { specText(Vectors.artifact("$it.tflite")) }
        val random = Random(19)
        val pieces =
            listOf("[", "]", "{", "}", "\"", ",", ":", "-1", "1e999", "0", "null", "true", "\\u", "99999999999", "[[[[")
        repeat(MUTATIONS) {
            val text = texts[it % texts.size]
            val start = random.nextInt(text.length)
            val end = minOf(text.length, start + random.nextInt(6))
            val changed = text.substring(0, start) + pieces.random(random) + text.substring(end)
            try {
                ArtifactSpec.from(changed)
            } catch (_: ArtifactException) {
            }
        }
    }

    @Test
    fun `JSON is read as it is written`() {
        val text = """ {"a": [1, -2.5e3, true, null], "b\u00e9\n": {"c": "\"\\\/"}, "d": []} """
        val expected =
            mapOf(
                "a" to listOf(1L, -2500.0, true, null),
                "bé\n" to mapOf("c" to "\"\\/"),
                "d" to listOf<Any>(),
            )
        assertEquals<Any?>(expected, parseJson(text))
        for (wrong in listOf(
            "",
            "{",
            "[1,]",
            "01",
            "1.",
            "NaN",
            "\"a",
            "\"\u0001\"",
            "{\"a\" 1}",
            "[] []",
            "'a'",
            "[".repeat(100_000),
        )) {
            assertFailsWith<ArtifactException>(wrong.take(9)) { parseJson(wrong) }
        }
    }

    private fun changed(case: Map<*, *>): ByteArray {
        val content = Vectors.artifact(case["artifact"])
        val start = case.int("start")
        val rest = content.copyOfRange(start + case.int("remove"), content.size)
        return content.copyOf(start) + vectorBytes(case["insert"]) + rest
    }

    /** Changes some bytes, most of them in the archive, and sometimes cuts the file. */
    private fun mutate(
        content: ByteArray,
        start: Int,
        random: Random,
    ): ByteArray {
        val bytes = content.copyOf()
        repeat(1 + random.nextInt(4)) {
            val first = if (random.nextInt(8) == 0) 0 else start
            bytes[random.nextInt(first, bytes.size)] = random.nextInt().toByte()
        }
        return if (random.nextInt(4) == 0) bytes.copyOf(random.nextInt(bytes.size)) else bytes
    }

    private fun specText(content: ByteArray): String {
        val text = String(content, Charsets.ISO_8859_1)
        val start = text.indexOf('{', text.indexOf("spec.json"))
        return text.substring(
            start,
            text.indexOf("PK\u0003\u0004", start).takeIf { it > 0 } ?: text.indexOf("PK\u0001\u0002", start),
        )
    }
}
