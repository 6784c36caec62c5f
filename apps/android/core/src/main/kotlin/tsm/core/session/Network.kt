package tsm.core.session

import tsm.core.artifact.ArtifactException
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec

/**
 * A network in a runtime: the only part of a session that differs between runtimes.
 *
 * A session creates its buffers once, and binds them once to each of two turns.
 */
interface Network : AutoCloseable {
    /** What runs the network, such as `"cpu"` or `"gpu"`. */
    val accelerator: String

    /**
     * Creates a buffer for an input or output of the spec.
     *
     * The buffer of a cache is an input in one turn, and the output that feeds it in the other.
     *
     * @throws ArtifactException if the network has no such tensor.
     */
    fun createBuffer(tensor: TensorSpec): Buffer

    /** Binds a buffer to the name of each input and output. */
    fun bind(
        inputs: Map<String, Buffer>,
        outputs: Map<String, Buffer>,
    ): Turn

    /** The memory of one tensor, which may be on a GPU. */
    interface Buffer {
        fun write(numbers: Numbers)

        fun read(numbers: Numbers)
    }

    /** The network with its buffers; [run] reads the inputs and writes the outputs. */
    fun interface Turn {
        fun run()
    }
}
