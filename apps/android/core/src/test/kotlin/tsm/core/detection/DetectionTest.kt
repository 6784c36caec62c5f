package tsm.core.detection

import tsm.core.artifact.DetectionRule
import tsm.core.artifact.TensorSpec
import tsm.core.check.Vectors
import tsm.core.check.int
import tsm.core.check.vectorNumbers
import tsm.core.decision.ObjectEvent
import tsm.core.decision.objectEvents
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class DetectionTest {
    @Test
    fun `boxes agree with the vectors`() =
        Vectors.forEach("decode") { case ->
            val tensors = (case["tensors"] as Map<*, *>).mapValues { TensorSpec.from(it.value) }
            val outputs = tensors.keys.map { vectorNumbers((case["outputs"] as Map<*, *>)[it]) }
            val threshold = (case["threshold"] as Number).toFloat()
            val rule = DetectionRule(case.int("stride"), threshold, case.int("top"))
            val decoder = BoxDecoder(tensors.values.toList(), rule)
            val boxes = decoder.newBoxes()
            decoder.decode(outputs, 0, boxes)
            case["size"]?.let { size ->
                val (height, width) = Vectors.numbers(size).map { it.toInt() }
                boxes.moveToFrame(case.int("resize_size"), case.int("crop_size"), width, height)
            }
            val labels = tensors.getValue(TensorSpec.HEATMAP).labels
            assertBoxes(case["boxes"], labels, boxes, Vectors.level("scores"), Vectors.level("boxes"))
        }

    @Test
    fun `objects agree with the vectors`() =
        Vectors.forEach("tracks") { case ->
            val labels = (case["labels"] as List<*>).map { it as String }
            val rules = trackConfig(case["rules"] as Map<*, *>)
            val frames = case["boxes"] as List<*>
            val tracker = Tracker(rules, frames.maxOf { (it as List<*>).size })
            val times = Vectors.numbers(case["times"])
            val resets = Vectors.numbers(case["resets"]).map { it.toInt() }
            val events = ArrayList<Pair<Int, ObjectEvent>>()

            fun note(
                frame: Int,
                time: Double,
            ) {
                for (event in objectEvents(tracker, labels, time)) events.add(frame to event)
            }
            for ((frame, expected) in frames.withIndex()) {
                if (frame in resets) {
                    tracker.end()
                    note(frame, times[maxOf(frame - 1, 0)])
                }
                val boxes = boxes(expected as List<*>, labels)
                tracker.update(boxes)
                assertBoxes(expected, labels, boxes, 0.0, 0.0)
                note(frame, times[frame])
            }
            tracker.end()
            note(times.size, times.last())
            assertEvents(case["events"] as List<*>, events, 0.0, 0.0)
        }

    @Test
    fun `wrong rules are refused`() {
        assertFailsWith<IllegalArgumentException> { TrackConfig(threshold = 1.5f) }
        assertFailsWith<IllegalArgumentException> { TrackConfig(overlap = 0.0) }
        assertFailsWith<IllegalArgumentException> { TrackConfig(hits = 0) }
        assertFailsWith<IllegalArgumentException> { TrackConfig(misses = 0) }
    }

    private fun boxes(
        found: List<*>,
        labels: List<String>,
    ): Boxes {
        val boxes = Boxes(found.size)
        boxes.size = found.size
        for ((i, fields) in found.withIndex()) {
            val box = fields as Map<*, *>
            Vectors.numbers(box["box"]).forEachIndexed { edge, value -> boxes.edges[4 * i + edge] = value.toFloat() }
            boxes.labels[i] = labels.indexOf(box["label"])
            boxes.scores[i] = (box["score"] as Number).toFloat()
        }
        return boxes
    }

    companion object {
        fun trackConfig(rules: Map<*, *>): TrackConfig {
            val usual = TrackConfig()
            return TrackConfig(
                (rules["threshold"] as Number?)?.toFloat(),
                (rules["overlap"] as Number?)?.toDouble() ?: usual.overlap,
                (rules["hits"] as Long?)?.toInt() ?: usual.hits,
                (rules["misses"] as Long?)?.toInt() ?: usual.misses,
            )
        }

        /** Compares the boxes of a frame with those of the vectors, and their objects where they are given. */
        fun assertBoxes(
            expected: Any?,
            labels: List<String>,
            found: Boxes,
            scores: Double,
            pixels: Double,
        ) {
            val wanted = (expected as List<*>).map { it as Map<*, *> }
            assertEquals(wanted.map { it["label"] }, List(found.size) { labels[found.labels[it]] })
            for ((i, fields) in wanted.withIndex()) {
                fields["track"]?.let { assertEquals(it, found.tracks[i].toLong()) }
                assertNear((fields["score"] as Number).toDouble(), found.scores[i], scores)
                Vectors.numbers(fields["box"]).forEachIndexed { edge, value ->
                    assertNear(value, found.edges[4 * i + edge], pixels)
                }
            }
        }

        fun assertEvents(
            expected: List<*>,
            found: List<Pair<Int, ObjectEvent>>,
            scores: Double,
            pixels: Double,
        ) {
            val wanted = expected.map { it as Map<*, *> }
            assertEquals(
                wanted.map { listOf(it["frame"], it["kind"], it["track"], it["label"], it["time"]) },
                found.map { (frame, event) ->
                    val kind = event.kind.name.lowercase()
                    listOf<Any?>(frame.toLong(), kind, event.track.toLong(), event.label, event.time)
                },
            )
            for ((fields, pair) in wanted.zip(found)) {
                assertNear((fields["score"] as Number).toDouble(), pair.second.score, scores)
                for ((value, edge) in Vectors.numbers(fields["box"]).zip(pair.second.box)) {
                    assertNear(value, edge, pixels)
                }
            }
        }

        private fun assertNear(
            expected: Double,
            found: Float,
            tolerance: Double,
        ) = assertTrue(abs(expected - found) <= tolerance, "$found, not $expected")
    }
}
