package tsm.core.check

import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec
import tsm.core.artifact.asInteger
import tsm.core.artifact.asList
import tsm.core.artifact.asObject
import tsm.core.artifact.asText
import tsm.core.session.StreamingSession

/**
 * Frames, and what a network makes of them.
 *
 * @property artifact the path of the artifact, relative to the folder of the vectors.
 */
class StepsCase(
    val name: String,
    val artifact: String,
    val steps: List<Step>,
) {
    /**
     * One call of the network.
     *
     * @property resets the streams whose caches are set to zero before the step.
     * @property streams the streams that get a frame; all others stand still.
     * @property ended the streams that have ended, and take a step past their end.
     * @property answered the streams whose outputs have a meaning.
     * @property frames the RGB pixels of all streams.
     * @property outputs the values of the results, as the network stores them.
     * @property caches the values of the caches after the step.
     */
    class Step(
        val resets: List<Int>,
        val streams: List<Int>,
        val ended: List<Int>,
        val answered: List<Int>,
        val frames: ByteArray,
        val outputs: Map<String, Numbers>,
        val caches: Map<String, Numbers>,
    )

    companion object {
        internal fun from(case: Map<*, *>): StepsCase {
            val steps = asList("steps", case["steps"]).map { step(asObject("a step", it)) }
            return StepsCase(asText("name", case["name"]), asText("artifact", case["artifact"]), steps)
        }

        private fun step(fields: Map<*, *>): Step {
            val streams = integers(fields["streams"])
            val answers = fields["answers"]?.let { asList("answers", it) }
            return Step(
                integers(fields["reset"]),
                streams,
                integers(fields["finish"] ?: emptyList<Long>()),
                answers?.indices?.filter { answers[it] != null } ?: streams,
                vectorBytes(fields["frames"]),
                tensors(fields["outputs"]),
                tensors(fields["caches"]),
            )
        }

        private fun integers(value: Any?) = asList("streams", value).map { asInteger("a stream", it, 0..Int.MAX_VALUE) }

        private fun tensors(value: Any?) =
            asObject("tensors", value).entries.associate { (name, array) ->
                asText("name", name) to vectorNumbers(array)
            }

        /**
         * Records what a session makes of random frames, so that another network can be compared with it.
         *
         * @param session a session whose caches are zero.
         */
        fun record(
            session: StreamingSession,
            steps: Int,
        ): StepsCase {
            val spec = session.spec
            val streams = List(spec.streams) { it }
            val random = kotlin.random.Random(0)
            val recorded =
                List(steps) {
                    val frames = random.nextBytes(spec.frame.count)
                    session.step(squares(session, streams, frames))
                    val outputs = spec.results.mapIndexed { i, each -> each.name to copy(each, session.numbers(i)) }
                    val caches = spec.caches.associate { it.name to Numbers.zeros(it) }
                    session.readCaches(caches.values.toList())
                    val answered = streams.filter { session.hasAnswer(it) }
                    Step(emptyList(), streams, emptyList(), answered, frames, outputs.toMap(), caches)
                }
            return StepsCase("random frames", "", recorded)
        }

        internal fun squares(
            session: StreamingSession,
            streams: List<Int>,
            frames: ByteArray,
        ): Array<ByteArray?> {
            val size = session.frameBytes
            return Array(session.spec.streams) { stream ->
                val start = stream * size
                if (stream in streams) frames.copyOfRange(start, start + size) else null
            }
        }

        private fun copy(
            spec: TensorSpec,
            numbers: Numbers,
        ) = Numbers.zeros(spec).apply { copyFrom(numbers, 0, spec.count) }
    }
}
