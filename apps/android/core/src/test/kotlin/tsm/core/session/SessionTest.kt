package tsm.core.session

import tsm.core.artifact.Artifact
import tsm.core.artifact.ArtifactSpec
import tsm.core.artifact.parseJson
import tsm.core.check.SelfCheck
import tsm.core.check.StepsCase
import tsm.core.check.Vectors
import tsm.core.decision.DecisionConfig
import tsm.core.decision.GestureEvent
import tsm.core.decision.LiveEvent
import tsm.core.decision.LiveStream
import tsm.core.decision.ObjectEvent
import tsm.core.decision.eventLine
import tsm.core.picture.Fit
import tsm.core.picture.Picture
import tsm.core.picture.Plane
import tsm.core.picture.yuvToRgb
import java.lang.management.ManagementFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

private const val WARM_UP = 20_000
private const val MEASURED = 2_000

class SessionTest {
    private val one = Artifact.from(Vectors.artifact("float32.tflite")).spec
    private val detector = Artifact.from(Vectors.artifact("detector.tflite")).spec
    private val two = Artifact.from(Vectors.artifact("two_streams.tflite")).spec

    private fun frame(
        session: StreamingSession,
        pixel: Int,
    ) = ByteArray(session.frameBytes) { pixel.toByte() }

    @Test
    fun `caches are fed back, and a reset sets them to zero`() {
        val session = StreamingSession(one, FakeNetwork(one))
        val seen =
            listOf(1, 2, 200).map {
                session.step(arrayOf(frame(session, it)))
                session.logits()[0]
            }
        assertEquals(listOf(1f, 3f, 203f), seen)
        session.reset()
        session.step(arrayOf(frame(session, 5)))
        assertEquals(5f, session.logits()[3])
    }

    @Test
    fun `streams are apart, stand still and are reset one by one`() {
        val network = FakeNetwork(two)
        val session = StreamingSession(two, network)
        session.step(arrayOf(frame(session, 1), frame(session, 10)))
        session.step(arrayOf(null, frame(session, 20)))
        assertEquals(1f, session.logits(0)[0]) // As it was.
        assertEquals(30f, session.logits(1)[0])
        session.step(arrayOf(frame(session, 2), frame(session, 30)))
        assertEquals(listOf(3f, 60f), listOf(session.logits(0)[0], session.logits(1)[0]))
        session.reset(0)
        session.step(arrayOf(frame(session, 7), frame(session, 1)))
        assertEquals(listOf(7f, 61f), listOf(session.logits(0)[0], session.logits(1)[0]))
        val runs = network.runs
        session.step(arrayOf(null, null))
        assertEquals(runs, network.runs)
    }

    @Test
    fun `wrong frames are refused`() {
        val session = StreamingSession(two, FakeNetwork(two))
        assertFailsWith<IllegalArgumentException> { session.step(arrayOf(null)) }
        assertFailsWith<IllegalArgumentException> { session.step(arrayOf(ByteArray(3), null)) }
        assertFailsWith<IllegalArgumentException> { session.reset(2) }
        assertFailsWith<IllegalArgumentException> { LiveStream(session) }
    }

    @Test
    fun `a session closes its network`() {
        val network = FakeNetwork(one)
        StreamingSession(one, network).use { assertFalse(network.isClosed) }
        assertTrue(network.isClosed)
    }

    @Test
    fun `a gap ends the gesture and starts the stream anew`() {
        val session = StreamingSession(one, FakeNetwork(one))
        val rules =
            DecisionConfig(average = 0.0, startScore = 0.25, endScore = 0.0, minDuration = 0.0, noGesture = emptyList())
        val stream = LiveStream(session, listOf(rules))
        val square = frame(session, 1)
        assertTrue(stream.wants(0.0))
        assertEquals(listOf(GestureEvent.Kind.START), stream.advance(0.0, square).map { kind(it) })
        assertTrue(stream.wants(60.0))
        val events = stream.advance(60.0, square)
        assertEquals(
            listOf(GestureEvent.Kind.END to 0.0, GestureEvent.Kind.START to 60.0),
            events.map { kind(it) to it.time },
        )
        assertEquals(1, stream.resets)
        assertEquals(1f, session.logits()[0])
        assertEquals(listOf(GestureEvent.Kind.END), stream.restart().map { kind(it) })
    }

    private fun kind(event: LiveEvent) = (event as GestureEvent).kind

    @Test
    fun `lines of events are JSON`() {
        val line = eventLine("a \"camera\"\n", GestureEvent(GestureEvent.Kind.END, "wave", 0.87654f, 12.34567))
        val expected =
            mapOf(
                "source" to "a \"camera\"\n",
                "kind" to "end",
                "label" to "wave",
                "score" to 0.8765,
                "time" to 12.346,
            )
        assertEquals<Any?>(expected, parseJson(line))
        val ofHead = eventLine("", GestureEvent(GestureEvent.Kind.START, "wave", 1f, 0.0, "verb"))
        assertEquals<Any?>("verb", (parseJson(ofHead) as Map<*, *>)["head"])
        val box = listOf(-0.04f, 1.25f, 30.0f, 7.96f)
        val ofObject = eventLine("0", ObjectEvent(ObjectEvent.Kind.APPEAR, 3, "cup", 0.87654f, 1.5, box))
        val expectedObject =
            mapOf(
                "source" to "0",
                "kind" to "appear",
                "track" to 3L,
                "label" to "cup",
                "score" to 0.8765,
                "time" to 1.5,
                "box" to listOf(0.0, 1.3, 30.0, 8.0),
            )
        assertEquals<Any?>(expectedObject, parseJson(ofObject))
    }

    @Test
    fun `a self-check finds a network that differs`() {
        val case = Vectors.file.stepsCases().first { it.artifact == "float32.tflite" }
        val session = StreamingSession(one, FakeNetwork(one))
        val wrong = SelfCheck(case, Vectors.file.tolerances("gpu")).run(session)
        assertFalse(wrong.agrees)
        session.reset()
        val own = StepsCase.record(session, 4)
        val right = SelfCheck(own, Vectors.file.tolerances("cpu")).run(StreamingSession(one, FakeNetwork(one)))
        assertTrue(right.agrees, right.problem)
        assertEquals(0.0, right.float)
    }

    @Test
    fun `a frame allocates nothing`() = assertNothingAllocated(one)

    @Test
    fun `a frame of a detector allocates nothing, unless objects come or go`() = assertNothingAllocated(detector)

    private fun assertNothingAllocated(spec: ArtifactSpec) {
        val session = StreamingSession(spec, FakeNetwork(spec))
        val stream = LiveStream(session)
        val picture = Picture()
        val fit = Fit(spec)
        val square = ByteArray(session.frameBytes)
        val y = Plane(ByteArray(64 * 48) { (it % 200).toByte() }, 64, 1)
        val chroma = Plane(ByteArray(32 * 24), 32, 1)
        var time = 0.0

        fun frame() {
            time += 1.0 / 64
            if (!stream.wants(time)) return
            yuvToRgb(64, 48, y, chroma, chroma, 90, picture)
            fit.fit(picture, square)
            stream.advance(time, square, picture.width, picture.height)
        }
        repeat(WARM_UP) { frame() }
        val threads = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean
        val id = Thread.currentThread().threadId()
        threads.getThreadAllocatedBytes(id)
        val before = threads.getThreadAllocatedBytes(id)
        repeat(MEASURED) { frame() }
        val bytes = threads.getThreadAllocatedBytes(id) - before
        println("$MEASURED frames allocated $bytes bytes")
        assertTrue(bytes < MEASURED, "$MEASURED frames allocated $bytes bytes.")
    }
}
