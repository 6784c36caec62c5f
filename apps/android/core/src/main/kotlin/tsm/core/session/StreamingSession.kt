package tsm.core.session

import tsm.core.artifact.ArtifactException
import tsm.core.artifact.ArtifactSpec
import tsm.core.artifact.HeadDecoder
import tsm.core.artifact.Numbers
import tsm.core.artifact.PixelEncoder
import tsm.core.artifact.TensorSpec
import tsm.core.artifact.quantize

/**
 * Runs a streaming artifact frame by frame and keeps its caches.
 *
 * There are two sets of buffers for the caches. A step reads one set and writes the other, and
 * then they swap, so that caches are never copied. A step allocates nothing.
 *
 * A network that looks ahead answers late: the results after a step are those of the frame
 * `spec.delay` steps ago, if the stream had begun then ([hasAnswer]). At the end of a stream,
 * `spec.delay` calls of [stepPastEnd] give the answers for its last frames.
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
        val decoder = if (spec.isHead) HeadDecoder(spec) else null
        val logits = Array(if (spec.isHead) streams else 0) { FloatArray(spec.labels.size) }
    }

    /** One set of buffers for the caches. */
    private class CacheSet(
        val buffers: List<Network.Buffer>,
    )

    /** The input that says which frames exist. */
    private class Valid(
        val spec: TensorSpec,
        val buffer: Network.Buffer,
    ) {
        val entries = spec.entries.toIntArray()
        private val numbers = Numbers.zeros(spec)
        private val one = if (numbers is Numbers.Bytes) quantize(1f, spec).toByte() else 0

        fun set(
            place: Int,
            exists: Boolean,
        ) {
            when (numbers) {
                is Numbers.Floats -> numbers.values[place] = if (exists) 1f else 0f
                is Numbers.Bytes -> numbers.values[place] = if (exists) one else spec.zeroPoint.toByte()
            }
        }

        fun write() = buffer.write(numbers)
    }

    private val zeros = spec.caches.map { Numbers.zeros(it) }
    private val scratch = listOf(spec.caches.map { Numbers.zeros(it) }, spec.caches.map { Numbers.zeros(it) })
    private val frame = Numbers.zeros(spec.frame)
    private val encoder = PixelEncoder(spec.frame)
    private val frameBuffer: Network.Buffer
    private val valid: Valid?
    private val results: List<Output>

    /** The [numbers] of all results, in the order of `spec.results`. */
    val allNumbers: List<Numbers>
    private val sets: List<CacheSet>
    private val turns: List<Network.Turn>
    private var current = 0

    private val black = ByteArray(spec.frame.count / spec.streams)
    private val taken = IntArray(spec.streams) // The frames of each stream so far.
    private val steps = IntArray(spec.streams) // These, and the steps past its end.
    private val isMoving = BooleanArray(spec.streams)
    private val isAnswered = BooleanArray(spec.streams)

    init {
        if (spec.kind != ArtifactSpec.STREAM) {
            throw ArtifactException("A session runs streams. Received: an artifact of kind ${spec.kind}")
        }
        frameBuffer = network.createBuffer(spec.frame)
        valid = spec.valid?.let { Valid(it, network.createBuffer(it)) }
        results = spec.results.map { Output(it, network.createBuffer(it), spec.streams) }
        allNumbers = results.map { it.numbers }
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
        for (square in squares) {
            require(square == null || square.size == frameBytes) {
                "A frame must have $frameBytes bytes. Received: ${square?.size}"
            }
        }
        for (stream in squares.indices) {
            val square = squares[stream]
            isMoving[stream] = square != null
            if (square == null) continue
            require(steps[stream] == taken[stream]) { "Stream $stream has ended; it must be reset first." }
            encoder.write(square, frame, stream * frameBytes)
            taken[stream]++
        }
        run()
    }

    /**
     * Takes a step past the end of some streams, for which there is no frame any more.
     *
     * After `spec.delay` such steps they have given all answers. Then they must be [reset].
     *
     * @param hasEnded for each stream, whether it has ended; the others stand still.
     */
    fun stepPastEnd(hasEnded: BooleanArray) {
        require(hasEnded.size == spec.streams) { "There must be ${spec.streams} values. Received: ${hasEnded.size}" }
        for (stream in hasEnded.indices) {
            isMoving[stream] = hasEnded[stream]
            if (hasEnded[stream]) encoder.write(black, frame, stream * frameBytes)
        }
        run()
    }

    private fun run() {
        isAnswered.fill(false)
        if (isMoving.none { it }) return
        for (stream in isMoving.indices) {
            if (!isMoving[stream]) continue
            steps[stream]++
            isAnswered[stream] = exists(stream, spec.delay)
        }
        frameBuffer.write(frame)
        if (valid != null) writeValid(valid)
        turns[current].run()
        current = 1 - current
        for (stream in isMoving.indices) if (!isMoving[stream]) standStill(stream)
        for (i in results.indices) {
            val result = results[i]
            result.buffer.read(result.numbers)
            val decoder = result.decoder ?: continue
            for (stream in isAnswered.indices) {
                val logits = result.logits[stream]
                if (isAnswered[stream]) decoder.read(result.numbers, stream * logits.size, logits)
            }
        }
    }

    private fun writeValid(valid: Valid) {
        val entries = valid.entries
        for (stream in steps.indices) {
            for (i in entries.indices) valid.set(stream * entries.size + i, exists(stream, entries[i]))
        }
        valid.write()
    }

    /** Returns whether a stream has the frame that was taken so many steps ago. */
    private fun exists(
        stream: Int,
        ago: Int,
    ) = steps[stream] - 1 - ago in 0 until taken[stream]

    /** Returns whether the last step gave new results of a stream. */
    fun hasAnswer(stream: Int = 0): Boolean = isAnswered[stream]

    /**
     * Returns the latest logits of a stream: after a step those of its last frame, or of the
     * frame `spec.delay` steps ago, if [hasAnswer].
     *
     * The array belongs to the session and changes in the next step.
     *
     * @param head the number of the head in `spec.heads`.
     */
    fun logits(
        stream: Int = 0,
        head: Int = 0,
    ): FloatArray = results[head].logits[stream]

    /**
     * Returns what the network stored in a result in the last step, for all streams. It belongs to the session.
     *
     * @param result the number of the head in `spec.heads`, or of a detector's output in `spec.maps`.
     */
    fun numbers(result: Int = 0): Numbers = allNumbers[result]

    /** Starts all streams anew, with zero caches. */
    fun reset() {
        taken.fill(0)
        steps.fill(0)
        for (i in zeros.indices) sets[current].buffers[i].write(zeros[i])
    }

    /** Starts one stream anew. */
    fun reset(stream: Int) {
        require(stream in 0 until spec.streams) { "`stream` must be in 0 until ${spec.streams}. Received: $stream" }
        taken[stream] = 0
        steps[stream] = 0
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
        valid?.let { inputs[it.spec.name] = it.buffer }
        val outputs =
            spec.results.zip(results).associateTo(mutableMapOf()) { (spec, output) ->
                spec.name to
                    output.buffer
            }
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
