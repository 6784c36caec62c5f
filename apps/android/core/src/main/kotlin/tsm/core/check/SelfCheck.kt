package tsm.core.check

import tsm.core.artifact.DType
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec
import tsm.core.session.StreamingSession
import kotlin.math.abs
import kotlin.math.max

/**
 * How well a network reproduces a case.
 *
 * @property float the largest difference of a float tensor, relative to its largest value.
 * @property integer the largest difference of an integer tensor, in steps.
 * @property problem what is wrong, or null if all is within the tolerance.
 */
class Agreement(
    val float: Double,
    val integer: Int,
    val problem: String?,
) {
    val agrees get() = problem == null
}

/**
 * Replays a case in a session and compares the outputs and the caches.
 *
 * This is the answer to accelerators that compute wrong numbers: a network that disagrees is not used.
 */
class SelfCheck(
    private val case: StepsCase,
    private val tolerances: Tolerances,
) {
    /**
     * Replays the case twice, fed with the expected caches (which shows wrong kernels), and free (which
     * shows wrong feedback). The session is started anew before, and must be after.
     */
    fun run(session: StreamingSession): Agreement {
        val fed = Replay(case, session, tolerances.fed, true).run()
        return if (fed.agrees) Replay(case, session, tolerances.free, false).run() else fed
    }
}

private class Replay(
    private val case: StepsCase,
    private val session: StreamingSession,
    private val tolerance: Tolerance,
    private val isFed: Boolean,
) {
    private val spec = session.spec
    private val caches = spec.caches.map { Numbers.zeros(it) }
    private val largest = largestValues()
    private var float = 0.0
    private var integer = 0
    private var problem: String? = null

    fun run(): Agreement {
        session.reset()
        var before: Map<String, Numbers>? = null
        for ((number, step) in case.steps.withIndex()) {
            before?.let { if (isFed) session.writeCaches(spec.caches.map { cache -> it.getValue(cache.name) }) }
            for (stream in step.resets) session.reset(stream)
            if (step.ended.isEmpty()) {
                session.step(StepsCase.squares(session, step.streams, step.frames))
            } else {
                session.stepPastEnd(BooleanArray(spec.streams) { it in step.ended })
            }
            val answered = List(spec.streams) { it }.filter { session.hasAnswer(it) }
            val where = "step $number, " + if (isFed) "fed" else "free"
            if (answered != step.answered) fail("The streams $answered have answers in $where")
            for ((result, tensor) in spec.results.withIndex()) {
                val expected = step.outputs[tensor.name] ?: continue
                for (stream in step.answered) compare(tensor, expected, session.numbers(result), stream, where)
            }
            session.readCaches(caches)
            for ((cache, found) in spec.caches.zip(caches)) {
                for (stream in 0 until spec.streams) {
                    compare(
                        cache,
                        step.caches.getValue(cache.name),
                        found,
                        stream,
                        where,
                    )
                }
            }
            before = step.caches
        }
        return Agreement(float, integer, problem)
    }

    private fun compare(
        tensor: TensorSpec,
        expected: Numbers,
        found: Numbers,
        stream: Int,
        where: String,
    ) {
        val row = tensor.count / spec.streams
        val places = stream * row until (stream + 1) * row
        val holds =
            if (expected is Numbers.Floats && found is Numbers.Floats) {
                val difference = places.maxOf { difference(expected.values[it], found.values[it]) }
                val relative = if (difference == 0.0) 0.0 else difference / largest.getValue(tensor.name)
                float = max(float, relative)
                relative <= tolerance.float
            } else if (expected is Numbers.Bytes && found is Numbers.Bytes) {
                val isSigned = tensor.dtype == DType.INT8
                val steps =
                    places.maxOf {
                        abs(integer(expected.values[it], isSigned) - integer(found.values[it], isSigned))
                    }
                integer = max(integer, steps)
                steps <= tolerance.integer
            } else {
                false
            }
        if (!holds) fail("`${tensor.name}` of stream $stream differs in $where")
    }

    private fun fail(reason: String) {
        if (problem == null) problem = reason
    }

    private fun difference(
        expected: Float,
        found: Float,
    ): Double = if (found.isNaN()) Double.POSITIVE_INFINITY else abs(expected.toDouble() - found)

    private fun integer(
        stored: Byte,
        isSigned: Boolean,
    ) = if (isSigned) stored.toInt() else stored.toInt() and BYTE

    private fun largestValues(): Map<String, Double> {
        val largest = HashMap<String, Double>()
        for (step in case.steps) {
            for ((name, numbers) in step.outputs + step.caches) {
                val floats = (numbers as? Numbers.Floats)?.values ?: continue
                largest[name] =
                    floats.fold(largest[name] ?: 0.0) { value, number -> max(value, abs(number.toDouble())) }
            }
        }
        return largest
    }

    private companion object {
        const val BYTE = 0xff
    }
}
