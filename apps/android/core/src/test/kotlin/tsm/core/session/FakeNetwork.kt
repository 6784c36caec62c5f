package tsm.core.session

import tsm.core.artifact.ArtifactSpec
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec

/**
 * A network whose results are the first pixel plus a sum over all frames of a stream.
 *
 * Each element of a cache becomes `cache + pixel`, where `pixel` is the first number of the frame
 * of its stream, and each number of a result is the first element of the first cache, plus `pixel`.
 *
 * @param error the share by which the pixels are wrong, as on a broken accelerator.
 */
class FakeNetwork(
    private val spec: ArtifactSpec,
    private val error: Float = 0f,
) : Network {
    override val accelerator = "fake"
    var isClosed = false
    var runs = 0

    private class Memory(
        tensor: TensorSpec,
    ) : Network.Buffer {
        val numbers = (Numbers.zeros(tensor) as Numbers.Floats).values

        override fun write(numbers: Numbers) {
            (numbers as Numbers.Floats).values.copyInto(this.numbers)
        }

        override fun read(numbers: Numbers) {
            this.numbers.copyInto((numbers as Numbers.Floats).values)
        }
    }

    override fun createBuffer(tensor: TensorSpec): Network.Buffer = Memory(tensor)

    override fun bind(
        inputs: Map<String, Network.Buffer>,
        outputs: Map<String, Network.Buffer>,
    ): Network.Turn {
        val frame = (inputs.getValue(spec.frame.name) as Memory).numbers
        val results = spec.results.map { (outputs.getValue(it.name) as Memory).numbers }
        val read = spec.caches.map { (inputs.getValue(it.name) as Memory).numbers }
        val written = spec.caches.map { (outputs.getValue(it.fedBy) as Memory).numbers }
        return Network.Turn {
            runs++
            for (stream in 0 until spec.streams) {
                val pixel = frame[stream * frame.size / spec.streams] * (1 + error)
                val first = read[0][stream * read[0].size / spec.streams]
                for (i in results.indices) { // An iterator would be allocated.
                    val row = results[i].size / spec.streams
                    results[i].fill(first + pixel, stream * row, (stream + 1) * row)
                }
                for (c in read.indices) {
                    val size = read[c].size / spec.streams
                    for (i in stream * size until (stream + 1) * size) written[c][i] = read[c][i] + pixel
                }
            }
        }
    }

    override fun close() {
        isClosed = true
    }
}
