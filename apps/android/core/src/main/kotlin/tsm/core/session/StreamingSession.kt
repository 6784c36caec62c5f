package tsm.core.session

import tsm.core.artifact.ArtifactException
import tsm.core.artifact.ArtifactSpec
import tsm.core.artifact.HeadDecoder
import tsm.core.artifact.Numbers
import tsm.core.artifact.PixelEncoder
import tsm.core.artifact.TensorSpec

/**
 * Runs a streaming artifact frame by frame and keeps its caches.
 *
 * There are two sets of buffers for the caches. A step reads one set and writes the other, and
 * then they swap, so that caches are never copied. A step allocates nothing.
 *
 * A session is not safe for use by several threads at the same time.
 *
 * @property spec the spec of the artifact.
 * @property network the network, which the session closes.
 * @throws ArtifactException if the artifact is for clips.
 */
class StreamingSession(
    val spec: ArtifactSpec,
    private val network: Network,
) : AutoCloseable {
    private class Output(
        spec: TensorSpec,
        val buffer: Network.Buffer,
        streams: Int,
    ) {
        val numbers = Numbers.zeros(spec)
        val decoder = HeadDecoder(spec)
        val logits = Array(streams) { FloatArray(spec.labels.size) }
    }

    /** One set of buffers for the caches. */
    private class CacheSet(
        val buffers: List<Network.Buffer>,
    )

    private val zeros = spec.caches.map { Numbers.zeros(it) }
    private val scratch = listOf(spec.caches.map { Numbers.zeros(it) }, spec.caches.map { Numbers.zeros(it) })
    private val frame = Numbers.zeros(spec.frame)
    private val encoder = PixelEncoder(spec.frame)
    private val frameBuffer: Network.Buffer
    private val heads: List<Output>
    private val sets: List<CacheSet>
    private val turns: List<Network.Turn>
    private var current = 0

    init {
        if (spec.kind != ArtifactSpec.STREAM) {
            throw ArtifactException("A session runs streams. Received: an artifact of kind ${spec.kind}")
        }
        frameBuffer = network.createBuffer(spec.frame)
        heads = spec.heads.map { Output(it, network.createBuffer(it), spec.streams) }
        sets = List(2) { CacheSet(spec.caches.map { cache -> network.createBuffer(cache) }) }
        turns = List(2) { bind(sets[it], sets[1 - it]) }
        reset()
    }

    /** What runs the network, such as `"cpu"` or `"gpu"`. */
    val accelerator get() = network.accelerator

    /** The number of bytes of one RGB frame. */
    val frameBytes = spec.frame.count / spec.streams

    /**
     * Takes the next frame of each stream.
     *
     * @param squares for each stream an RGB frame of the network's size, row by row; null leaves
     *   the stream as it is. See [Fit].
     */
    fun step(squares: Array<ByteArray?>) {
        require(squares.size == spec.streams) { "There must be ${spec.streams} frames. Received: ${squares.size}" }
        if (squares.all { it == null }) return
        for (stream in squares.indices) {
            val square = squares[stream] ?: continue
            require(square.size == frameBytes) { "A frame must have $frameBytes bytes. Received: ${square.size}" }
            encoder.write(square, frame, stream * frameBytes)
        }
        frameBuffer.write(frame)
        turns[current].run()
        current = 1 - current
        for (stream in squares.indices) if (squares[stream] == null) standStill(stream)
        for (i in heads.indices) {
            val head = heads[i]
            head.buffer.read(head.numbers)
            for (stream in squares.indices) {
                val logits = head.logits[stream]
                if (squares[stream] != null) head.decoder.read(head.numbers, stream * logits.size, logits)
            }
        }
    }

    /**
     * Returns the logits of a stream after its last frame.
     *
     * The array belongs to the session and changes in the next step.
     *
     * @param head the number of the head in `spec.heads`.
     */
    fun logits(
        stream: Int = 0,
        head: Int = 0,
    ): FloatArray = heads[head].logits[stream]

    /** Returns what the network stored in a head in the last step, for all streams. It belongs to the session. */
    fun numbers(head: Int = 0): Numbers = heads[head].numbers

    /** Starts all streams anew, with zero caches. */
    fun reset() {
        for (i in zeros.indices) sets[current].buffers[i].write(zeros[i])
    }

    /** Starts one stream anew. */
    fun reset(stream: Int) {
        require(stream in 0 until spec.streams) { "`stream` must be in 0 until ${spec.streams}. Received: $stream" }
        for (i in zeros.indices) copyRow(i, stream, zeros[i])
    }

    /** Reads the caches, in the order of `spec.caches`. */
    fun readCaches(caches: List<Numbers>) {
        for (i in caches.indices) sets[current].buffers[i].read(caches[i])
    }

    /** Sets the caches, in the order of `spec.caches`. */
    fun writeCaches(caches: List<Numbers>) {
        for (i in caches.indices) sets[current].buffers[i].write(caches[i])
    }

    override fun close() = network.close()

    private fun bind(
        read: CacheSet,
        written: CacheSet,
    ): Network.Turn {
        val inputs = mutableMapOf(spec.frame.name to frameBuffer)
        val outputs = spec.heads.zip(heads).associateTo(mutableMapOf()) { (head, output) -> head.name to output.buffer }
        spec.caches.forEachIndexed { i, cache ->
            inputs[cache.name] = read.buffers[i]
            outputs[cache.fedBy] = written.buffers[i]
        }
        // An output with a role of a later version is computed, but not read.
        for (tensor in spec.outputs) if (tensor.name !in outputs) outputs[tensor.name] = network.createBuffer(tensor)
        return network.bind(inputs, outputs)
    }

    /** Puts the caches of a stream back to what they were before the step. */
    private fun standStill(stream: Int) {
        for (i in zeros.indices) {
            val before = scratch[1][i]
            sets[1 - current].buffers[i].read(before)
            copyRow(i, stream, before)
        }
    }

    private fun copyRow(
        cache: Int,
        stream: Int,
        from: Numbers,
    ) {
        val buffer = sets[current].buffers[cache]
        val numbers = scratch[0][cache]
        val row = spec.caches[cache].count / spec.streams
        buffer.read(numbers)
        numbers.copyFrom(from, stream * row, (stream + 1) * row)
        buffer.write(numbers)
    }
}
