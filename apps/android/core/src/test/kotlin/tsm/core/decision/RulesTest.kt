package tsm.core.decision

import tsm.core.artifact.DType
import tsm.core.artifact.HeadDecoder
import tsm.core.artifact.Numbers
import tsm.core.artifact.PixelEncoder
import tsm.core.artifact.TensorSpec
import tsm.core.artifact.dequantize
import tsm.core.artifact.quantize
import tsm.core.check.Vectors
import tsm.core.check.vectorNumbers
import kotlin.math.abs
import kotlin.math.max
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class RulesTest {
    @Test
    fun `quantize agrees with the vectors`() =
        Vectors.forEach("quantize") { case ->
            val tensor = TensorSpec.from(case["tensor"])
            val values = Vectors.floats(case["values"])
            when (val expected = vectorNumbers(case["numbers"])) {
                is Numbers.Floats -> assertEquals(expected.values.toList(), values.toList())
                is Numbers.Bytes -> assertEquals(expected.values.toList(), values.map { quantize(it, tensor).toByte() })
            }
        }

    @Test
    fun `pixels are written as quantize says`() =
        Vectors.forEach("quantize") { case ->
            if (!(case["name"] as String).startsWith("quantize pixels")) return@forEach
            val tensor = TensorSpec.from(case["tensor"])
            val numbers = Numbers.zeros(tensor)
            PixelEncoder(tensor).write(ByteArray(256) { it.toByte() }, numbers, 0)
            assertSame(vectorNumbers(case["numbers"]), numbers)
        }

    @Test
    fun `dequantize agrees with the vectors`() =
        Vectors.forEach("dequantize") { case ->
            val tensor = TensorSpec.from(case["tensor"])
            val numbers = vectorNumbers(case["numbers"])
            val values = Vectors.floats(case["values"])
            if (numbers is Numbers.Bytes) {
                val stored = numbers.values.map { if (tensor.dtype == DType.UINT8) it.toInt() and 0xff else it.toInt() }
                assertEquals(values.toList(), stored.map { dequantize(it, tensor) })
            }
            val expected = Vectors.floats(case["logits"] ?: return@forEach)
            val logits = FloatArray(expected.size)
            HeadDecoder(tensor).read(numbers, 0, logits)
            val largest = max(1f, expected.maxOf { abs(it) })
            for (k in logits.indices) assertTrue(abs(logits[k] - expected[k]) <= Vectors.level("logits") * largest)
        }

    @Test
    fun `pacing agrees with the vectors`() =
        Vectors.forEach("pacing") { case ->
            val pacer = FramePacer((case["interval"] as Number).toDouble())
            val choices = Vectors.numbers(case["times"]).map { pacer.step(it).name.lowercase() }
            assertEquals(case["choices"], choices)
        }

    @Test
    fun `decision agrees with the vectors`() =
        Vectors.forEach("decision") { case ->
            val head = TensorSpec.from(case["head"])
            val decision = GestureDecision(head.labels, decisionConfig(case["decision"] as Map<*, *>, head))
            val decoder = HeadDecoder(head)
            val outputs = vectorNumbers(case["outputs"])
            val logits = FloatArray(head.labels.size)
            val expected = Vectors.floats(case["scores"])
            val resets = Vectors.numbers(case["resets"]).map { it.toInt() }
            val times = Vectors.numbers(case["times"])
            val events = ArrayList<Pair<Int, GestureEvent>>()
            for ((frame, time) in times.withIndex()) {
                repeat(resets.count { it == frame }) { decision.end().forEach { events.add(frame to it) } }
                decoder.read(outputs, frame * logits.size, logits)
                decision.update(time, logits).forEach { events.add(frame to it) }
                for (k in logits.indices) {
                    assertTrue(abs(decision.scores[k] - expected[frame * logits.size + k]) <= Vectors.level("scores"))
                }
            }
            decision.end().forEach { events.add(times.size to it) }
            assertEvents(case["events"] as List<*>, events, Vectors.level("scores"))
        }

    companion object {
        fun decisionConfig(
            given: Map<*, *>,
            head: TensorSpec,
        ): DecisionConfig {
            val usual = DecisionConfig()

            fun number(
                name: String,
                value: Double,
            ) = (given[name] as Number?)?.toDouble() ?: value
            return DecisionConfig(
                number("average", usual.average),
                number("start_score", usual.startScore),
                number("end_score", usual.endScore),
                number("min_duration", usual.minDuration),
                number("cooldown", usual.cooldown),
                ((given["no_gesture"] ?: head.noGesture) as List<*>).map { it as String },
                ((given["ignored"] ?: emptyList<String>()) as List<*>).map { it as String },
            )
        }

        fun assertEvents(
            expected: List<*>,
            found: List<Pair<Int, GestureEvent>>,
            tolerance: Double,
        ) {
            val keys =
                expected.map {
                    val fields = it as Map<*, *>
                    listOf(fields["frame"], fields["kind"], fields["label"], fields["time"], fields["head"] ?: "")
                }
            val foundKeys =
                found.map { (frame, event) ->
                    listOf(frame.toLong(), event.kind.name.lowercase(), event.label, event.time, event.head)
                }
            assertEquals<List<Any?>>(keys, foundKeys)
            for ((fields, pair) in expected.zip(found)) {
                val score = ((fields as Map<*, *>)["score"] as Number).toDouble()
                assertTrue(abs(score - pair.second.score) <= tolerance, "${pair.second}, not $score")
            }
        }

        fun assertSame(
            expected: Numbers,
            found: Numbers,
        ) {
            if (expected is Numbers.Floats) {
                assertEquals(
                    expected.values.toList(),
                    (found as Numbers.Floats).values.toList(),
                )
            }
            if (expected is Numbers.Bytes) {
                assertEquals(
                    expected.values.toList(),
                    (found as Numbers.Bytes).values.toList(),
                )
            }
        }
    }
}
