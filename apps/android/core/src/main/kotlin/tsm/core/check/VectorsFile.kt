package tsm.core.check

import tsm.core.artifact.ArtifactException
import tsm.core.artifact.DType
import tsm.core.artifact.Numbers
import tsm.core.artifact.asInteger
import tsm.core.artifact.asList
import tsm.core.artifact.asNumber
import tsm.core.artifact.asObject
import tsm.core.artifact.asText
import tsm.core.artifact.parseJson
import tsm.core.artifact.sameJson
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.io.encoding.Base64

private const val FORMAT = 1

/**
 * Test vectors: what every runtime of an artifact must reproduce; see `docs/vectors.md`.
 *
 * @throws ArtifactException if the text is not such a file.
 */
class VectorsFile(
    text: String,
) {
    private val values = asObject("vectors", parseJson(text))

    /** The cases, as JSON objects. */
    val cases: List<Map<*, *>>

    init {
        val format = values["format"]
        if (!sameJson(
                format,
                FORMAT.toLong(),
            )
        ) {
            throw ArtifactException("Vectors must have the format $FORMAT. Received: $format")
        }
        cases = asList("cases", values["cases"]).map { asObject("a case", it) }
    }

    /** Returns the cases that replay a network. */
    fun stepsCases(): List<StepsCase> = cases.filter { it["kind"] == "steps" }.map { StepsCase.from(it) }

    /** Returns the tolerances of `"cpu"`, `"gpu"` or `"gpu_float16"`. */
    fun tolerances(backend: String): Tolerances {
        val found = asObject(backend, asObject("tolerances", values["tolerances"])[backend])
        val free = asObject("free", found["free"])
        val fed = asObject("fed", found["fed"])
        return Tolerances(Tolerance.from(fed), Tolerance.from(free))
    }
}

/**
 * How far the numbers of a tensor may be from those expected.
 *
 * @property float relative to the largest value of the tensor in all steps.
 * @property integer in steps of the integer.
 */
class Tolerance(
    val float: Double,
    val integer: Int,
) {
    internal companion object {
        fun from(fields: Map<*, *>) =
            Tolerance(asNumber("float", fields["float"]), asInteger("integer", fields["integer"], 0..Int.MAX_VALUE))
    }
}

/**
 * The tolerances of a backend.
 *
 * @property fed if the expected caches are fed before each step.
 * @property free if the network feeds its own caches.
 */
class Tolerances(
    val fed: Tolerance,
    val free: Tolerance,
) {
    companion object {
        /** No difference at all. */
        val same = Tolerances(Tolerance(0.0, 0), Tolerance(0.0, 0))

        /** Those of `docs/vectors.md` for a GPU that computes in float16. */
        val gpuFloat16 = Tolerances(Tolerance(0.02, 4), Tolerance(0.02, 16))
    }
}

/** Returns the numbers of an array of the vectors. */
fun vectorNumbers(value: Any?): Numbers {
    val fields = asObject("an array", value)
    val bytes = vectorBytes(fields)
    if (fields["dtype"] != DType.FLOAT32.label) return Numbers.Bytes(bytes)
    val floats = FloatArray(bytes.size / Float.SIZE_BYTES)
    ByteBuffer
        .wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(floats)
    return Numbers.Floats(floats)
}

/** Returns the bytes of an array of the vectors. */
fun vectorBytes(value: Any?): ByteArray {
    val data = asText("data", asObject("an array", value)["data"])
    try {
        return Base64.decode(data)
    } catch (error: IllegalArgumentException) {
        throw ArtifactException("An array must be in Base64: ${error.message}", error)
    }
}
