package tsm.ci

import tsm.core.artifact.Artifact
import tsm.core.artifact.ArtifactSpec
import tsm.core.session.Network
import tsm.core.session.StreamingSession
import java.io.File
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertTrue

private const val WARM_UP = 30
private const val ROUNDS = 200
private const val MOST = 1.05

/** What a session costs beside the bare call of the network. */
class CostTest {
    /** Measures the time in the runtime, so that both times are those of the same step. */
    private class TimedNetwork(
        private val network: Network,
    ) : Network by network {
        var nanoseconds = 0L

        override fun bind(
            inputs: Map<String, Network.Buffer>,
            outputs: Map<String, Network.Buffer>,
        ): Network.Turn {
            val turn = network.bind(inputs, outputs)
            return Network.Turn {
                val start = System.nanoTime()
                turn.run()
                nanoseconds = System.nanoTime() - start
            }
        }
    }

    private fun cost(file: File): Double {
        val artifact = Artifact.from(file.readBytes())
        val network =
            TimedNetwork(ForeignNetwork.open(Path.of(System.getProperty("tsm.litert")), artifact, isGpu = false))
        StreamingSession(artifact.spec, network).use { session ->
            val frames = frames(artifact.spec)
            val whole = LongArray(ROUNDS)
            val bare = LongArray(ROUNDS)
            for (i in -WARM_UP until ROUNDS) {
                val start = System.nanoTime()
                session.step(arrayOf(frames[Math.floorMod(i, frames.size)]))
                val time = System.nanoTime() - start
                if (i < 0) continue
                whole[i] = time
                bare[i] = network.nanoseconds
            }
            // The median of the differences: other programs on the machine disturb few of them.
            val difference = LongArray(ROUNDS) { whole[it] - bare[it] }.sorted()[ROUNDS / 2]
            val call = bare.sorted()[ROUNDS / 2]
            println("${file.name}: the call takes ${call / 1000} us, the session adds ${difference / 1000} us")
            return 1 + difference.toDouble() / call
        }
    }

    private fun frames(spec: ArtifactSpec) =
        List(4) { number ->
            ByteArray(spec.frame.count) {
                (
                    it * 7919 +
                        number * 31 % 251
                ).toByte()
            }
        }

    @Test
    fun `a session adds at most 5 percent to the call`() {
        for (name in listOf("float32.tflite", "int8.tflite")) {
            val ratio = cost(File(System.getProperty("tsm.large"), name))
            assertTrue(ratio <= MOST, "$name: the session takes $ratio times the call")
        }
    }
}
