package tsm.core.artifact

/**
 * All that a program must know to run a model file; `docs/artifact.md` specifies every field.
 *
 * @property task `"classification"` or `"detection"`.
 * @property kind `"stream"` if a call takes one frame per stream, `"clip"` if it takes a whole clip.
 * @property inputs the image input, for a network that looks ahead [valid], then the caches.
 * @property outputs the heads, or the three outputs of a detector; then the next value of each cache.
 * @property resizeSize the short side of a frame is resized to this many pixels before the crop.
 * @property frameInterval the seconds between two frames of the network; 0 if unknown.
 * @property decision the defaults for turning scores into gestures, by name.
 * @property detection how the outputs of a detector become boxes; null if it is none.
 * @property modelHash the SHA-256 of the model without the spec.
 */
class ArtifactSpec internal constructor(
    val task: String,
    val kind: String,
    val inputs: List<TensorSpec>,
    val outputs: List<TensorSpec>,
    val resizeSize: Int,
    val frameInterval: Double,
    val decision: Map<String, Double>,
    val detection: DetectionRule?,
    val quantization: String,
    val modelHash: String,
) {
    /** The image input. */
    val frame: TensorSpec = inputs.single { it.role == if (kind == STREAM) TensorSpec.FRAME else TensorSpec.CLIP }

    /** The input that says which frames exist, if the network looks ahead. */
    val valid: TensorSpec? = inputs.find { it.role == TensorSpec.VALID }

    /** The inputs that hold the state of a stream. */
    val caches: List<TensorSpec> = inputs.filter { it.role == TensorSpec.CACHE }

    /** The outputs that classify. */
    val heads: List<TensorSpec> = outputs.filter { it.isHead }

    /** The three outputs of a detector, or none. */
    val maps: List<TensorSpec> = outputs.filter { it.role in TensorSpec.MAPS }

    /** What the network says: the [heads], or the [maps] of a detector. */
    val results: List<TensorSpec> = if (detection == null) heads else maps

    /** By how many steps the results are later than their frames. */
    val delay: Int = results.maxOfOrNull { it.late } ?: 0

    /** The number of streams that one call takes. */
    val streams: Int = if (kind == STREAM) frame.shape[0] else 1

    /** The height and width of a frame in the network. */
    val imageSize: Int = frame.shape[2]

    companion object {
        const val STREAM = "stream"
        const val CLIP = "clip"
        const val CLASSIFICATION = "classification"
        const val DETECTION = "detection"

        /**
         * Reads the spec of an artifact.
         *
         * @throws ArtifactException if the text is not a spec in format 3, or has a value that is unknown.
         */
        fun from(text: String): ArtifactSpec = SpecReader(asObject("spec", parseJson(text))).read()
    }
}
