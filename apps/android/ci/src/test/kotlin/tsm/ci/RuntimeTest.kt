package tsm.ci

import tsm.core.artifact.Artifact
import tsm.core.artifact.Numbers
import tsm.core.check.SelfCheck
import tsm.core.check.StepsCase
import tsm.core.check.Vectors
import tsm.core.check.vectorBytes
import tsm.core.check.vectorNumbers
import tsm.core.decision.GestureEvent
import tsm.core.decision.LiveEvent
import tsm.core.decision.LiveStream
import tsm.core.decision.ObjectEvent
import tsm.core.decision.RulesTest
import tsm.core.detection.DetectionTest
import tsm.core.picture.Fit
import tsm.core.picture.Picture
import tsm.core.session.StreamingSession
import java.nio.file.Path
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Replays the vectors against the real LiteRT. */
class RuntimeTest {
    private val library = Path.of(System.getProperty("tsm.litert"))

    private fun session(
        name: Any?,
        isGpu: Boolean,
    ): StreamingSession {
        val artifact = Artifact.from(Vectors.artifact(name))
        return StreamingSession(artifact.spec, ForeignNetwork.open(library, artifact, isGpu))
    }

    private fun replayAll(backend: String) {
        for (case in Vectors.file.stepsCases()) {
            session(case.artifact, isGpu = backend != "cpu").use {
                val found = SelfCheck(case, Vectors.file.tolerances(backend)).run(it)
                println("${case.name} on $backend: ${found.float} relative, ${found.integer} steps")
                assertTrue(found.agrees, "${case.name} on $backend: ${found.problem}")
                assertEquals(if (backend == "cpu") "cpu" else "gpu", it.accelerator)
            }
        }
    }

    @Test
    fun `networks on the CPU agree with the vectors`() = replayAll("cpu")

    @Test
    fun `networks on the GPU accelerator agree with the vectors`() = replayAll("gpu")

    @Test
    fun `no kind of case is left out`() {
        val known = "fit yuv quantize dequantize decode steps pacing decision tracks session accept refuse".split(" ")
        val found = Vectors.file.cases.map { it["kind"] as String }
        assertEquals(known.toSet(), found.toSet())
    }

    @Test
    fun `whole sessions agree with the vectors`() =
        Vectors.forEach("session") { case ->
            session(case["artifact"], isGpu = false).use { session ->
                val heads = session.spec.heads
                val rules = DetectionTest.trackConfig((case["rules"] ?: emptyMap<String, Any>()) as Map<*, *>)
                val stream = LiveStream(session, trackConfig = rules)
                val tolerance = Vectors.eventScores("cpu")
                val cells = Vectors.boxCells("cpu")
                val fit = Fit(session.spec)
                val square = ByteArray(session.frameBytes)
                val images = (case["images"] as List<*>).map { picture(it) }
                val expected = heads.map { vectorNumbers((case["outputs"] as Map<*, *>)[it.name]) }
                val events = ArrayList<Pair<Int, LiveEvent>>()
                val choices = ArrayList<String>()
                var taken = 0
                val times = Vectors.numbers(case["times"])
                for ((frame, time) in times.withIndex()) {
                    val resets = stream.resets
                    val isWanted = stream.wants(time)
                    choices.add(
                        if (!isWanted) {
                            "skip"
                        } else if (stream.resets > resets) {
                            "restart"
                        } else {
                            "take"
                        },
                    )
                    if (!isWanted) continue
                    val image = images[((case["image_of_frame"] as List<*>)[frame] as Long).toInt()]
                    fit.fit(image, square)
                    stream.advance(time, square, image.width, image.height).forEach { events.add(frame to it) }
                    val answered = taken - session.spec.delay
                    taken++
                    // Answers at the end of a stream are checked by their events.
                    if (!session.hasAnswer()) continue
                    stream.objects?.let {
                        val boxes = (case["boxes"] as List<*>)[answered]
                        val pixels = cells * session.spec.detection!!.stride
                        DetectionTest.assertBoxes(boxes, it.labels, it.boxes, tolerance, pixels)
                    }
                    for ((i, head) in heads.withIndex()) {
                        assertNear(expected[i], answered * head.labels.size, session.numbers(i))
                    }
                }
                stream.restart(times.last()).forEach { events.add(times.size to it) }
                assertEquals(case["choices"], choices)
                val expectedEvents = case["events"] as List<*>
                val rule = session.spec.detection
                if (rule == null) {
                    RulesTest.assertEvents(
                        expectedEvents,
                        events.map { it.first to it.second as GestureEvent },
                        tolerance,
                    )
                } else {
                    val found = events.map { it.first to it.second as ObjectEvent }
                    DetectionTest.assertEvents(expectedEvents, found, tolerance, cells * rule.stride)
                }
            }
        }

    @Test
    fun `a self-check without vectors compares the GPU with the CPU`() {
        val case = session("float32.tflite", isGpu = false).use { StepsCase.record(it, 4) }
        session("float32.tflite", isGpu = true).use {
            assertTrue(SelfCheck(case, Vectors.file.tolerances("gpu")).run(it).agrees)
        }
    }

    @Test
    fun `a model that LiteRT cannot load gives an error`() {
        val content = Vectors.artifact("float32.tflite")
        val artifact = Artifact.from(content)
        artifact.model.fill(0)
        assertFailsWith<LiteRtError> { ForeignNetwork.open(library, artifact, isGpu = false) }
    }

    private fun picture(image: Any?): Picture {
        val (height, width) = Vectors.shape(image)
        return Picture().apply {
            resize(width, height)
            vectorBytes(image).copyInto(pixels)
        }
    }

    private fun assertNear(
        expected: Numbers,
        start: Int,
        found: Numbers,
    ) {
        val tolerance = Vectors.file.tolerances("cpu").free
        if (expected is Numbers.Floats && found is Numbers.Floats) {
            val largest = expected.values.maxOf { abs(it) }
            for (k in found.values.indices) {
                assertTrue(abs(expected.values[start + k] - found.values[k]) <= tolerance.float * largest)
            }
        } else {
            val stored = (expected as Numbers.Bytes).values
            val numbers = (found as Numbers.Bytes).values
            for (k in numbers.indices) assertTrue(abs(stored[start + k] - numbers[k]) <= tolerance.integer)
        }
    }
}
