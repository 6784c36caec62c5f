package tsm.app

import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import tsm.core.artifact.ArtifactException
import tsm.core.artifact.Numbers
import tsm.core.artifact.TensorSpec
import tsm.core.check.Accelerator
import tsm.core.session.Network
import java.io.File
import com.google.ai.edge.litert.Accelerator as LiteRtAccelerator

private const val SIGNATURE = "serving_default"

/** A network in LiteRT, on one accelerator alone, so that none is replaced in silence. */
class LiteRtNetwork private constructor(
    private val model: CompiledModel,
    override val accelerator: String,
) : Network {
    private val buffers = ArrayList<TensorBuffer>()

    override fun createBuffer(tensor: TensorSpec): Network.Buffer {
        val isInput = tensor.role in setOf(TensorSpec.FRAME, TensorSpec.VALID, TensorSpec.CACHE)
        val name = tensor.name
        val buffer =
            litert {
                if (isInput) {
                    model.createInputBuffer(
                        name,
                        SIGNATURE,
                    )
                } else {
                    model.createOutputBuffer(name, SIGNATURE)
                }
            }
        buffers.add(buffer)
        return LiteRtBuffer(buffer, tensor)
    }

    override fun bind(
        inputs: Map<String, Network.Buffer>,
        outputs: Map<String, Network.Buffer>,
    ): Network.Turn {
        val read = inputs.mapValues { (it.value as LiteRtBuffer).buffer }
        val written = outputs.mapValues { (it.value as LiteRtBuffer).buffer }
        return Network.Turn { litert { model.run(read, written, SIGNATURE) } }
    }

    override fun close() {
        buffers.forEach { it.close() }
        model.close()
    }

    private class LiteRtBuffer(
        val buffer: TensorBuffer,
        private val tensor: TensorSpec,
    ) : Network.Buffer {
        override fun write(numbers: Numbers) =
            when (numbers) {
                is Numbers.Floats -> litert { buffer.writeFloat(numbers.values) }

                // LiteRT's Kotlin API has no uint8; the bytes are the same.
                is Numbers.Bytes -> litert { buffer.writeInt8(numbers.values) }
            }

        override fun read(numbers: Numbers) {
            when (numbers) {
                is Numbers.Floats -> {
                    val values = litert { buffer.readFloat() }
                    expectSize(numbers.values.size, values.size)
                    values.copyInto(numbers.values)
                }

                is Numbers.Bytes -> {
                    val values = litert { buffer.readInt8() }
                    expectSize(numbers.values.size, values.size)
                    values.copyInto(numbers.values)
                }
            }
        }

        private fun expectSize(
            expected: Int,
            found: Int,
        ) {
            if (found !=
                expected
            ) {
                throw ArtifactException("The model's tensor is not $tensor. Received: $found elements")
            }
        }
    }

    companion object {
        /**
         * Compiles a model for one accelerator.
         *
         * @throws ArtifactException if LiteRT cannot do it.
         */
        fun open(
            model: File,
            accelerator: Accelerator,
        ): LiteRtNetwork {
            val wanted = if (accelerator == Accelerator.GPU) LiteRtAccelerator.GPU else LiteRtAccelerator.CPU
            try {
                val compiled = litert { CompiledModel.create(model.path, CompiledModel.Options(wanted)) }
                return LiteRtNetwork(compiled, accelerator.name.lowercase())
            } catch (error: LinkageError) {
                throw ArtifactException("LiteRT's library is missing: ${error.message}", error)
            }
        }
    }
}

/** Calls LiteRT, and reports its errors as those of the core. */
private inline fun <T> litert(call: () -> T): T =
    try {
        call()
    } catch (error: LiteRtException) {
        throw ArtifactException("LiteRT failed: ${error.message}", error)
    }
