package tsm.core.artifact

/** The type of the numbers of a tensor, with its name in a spec. */
enum class DType(
    val label: String,
    internal val integers: IntRange?,
) {
    FLOAT32("float32", null),
    FLOAT16("float16", null),
    INT8("int8", -128..127),
    UINT8("uint8", 0..255),
}

/**
 * One input or output of an artifact.
 *
 * @property name its name in the signature `serving_default`.
 * @property role what it is for, such as [FRAME] or [CACHE].
 * @property shape its static shape, batch first.
 * @property scale the scale of an integer `q`, which stands for `scale * (q - zeroPoint)`; 0 for floats.
 * @property labels the class names of a head or of a heatmap, in order.
 * @property noGesture the labels which mean that there is no gesture.
 * @property fedBy the name of the output that becomes the value of a cache for the next frame.
 * @property late by how many steps a result is later than the frame that it belongs to.
 * @property entries for each number of [VALID], how many steps ago the frame was of which it says whether it exists.
 */
class TensorSpec internal constructor(
    val name: String,
    val role: String,
    val shape: List<Int>,
    val dtype: DType,
    val scale: Float,
    val zeroPoint: Int,
    val labels: List<String>,
    val noGesture: List<String>,
    val fedBy: String,
    val late: Int,
    val entries: List<Int>,
) {
    /** The number of elements. */
    val count: Int
        get() {
            val product = shape.fold(1L) { count, side -> minOf(count * side, Int.MAX_VALUE + 1L) }
            expect(product <= Int.MAX_VALUE, "shape` of `$name", "of at most ${Int.MAX_VALUE} elements", shape)
            return product.toInt()
        }

    internal val isHead get() = role == LOGITS || role == PROBABILITIES

    internal fun storesLike(other: TensorSpec) =
        shape == other.shape && dtype == other.dtype && scale == other.scale && zeroPoint == other.zeroPoint

    override fun toString() = "$name: $shape ${dtype.label}, scale $scale, zero point $zeroPoint"

    companion object {
        const val FRAME = "frame"
        const val CLIP = "clip"
        const val CACHE = "cache"
        const val VALID = "valid"
        const val LOGITS = "logits"
        const val PROBABILITIES = "probabilities"
        const val CACHE_OUT = "cache_out"
        const val HEATMAP = "heatmap"
        const val BOX_SIZE = "box_size"
        const val BOX_OFFSET = "box_offset"

        /** The roles of the outputs of a detector. */
        val MAPS = listOf(HEATMAP, BOX_SIZE, BOX_OFFSET)

        /** Reads the JSON object of a tensor; ignores unknown keys. */
        internal fun from(value: Any?): TensorSpec {
            val fields = asObject("a tensor", value)
            val name = asLabel("name", fields["name"])
            val role = asText("role` of `$name", fields["role"])
            val dtype = dtype(name, role, fields["dtype"])
            val zeroPoint = asInteger("zero_point` of `$name", fields["zero_point"], dtype.integers ?: 0..0)
            val zeroState = fields["zero_state"]
            val isSame = "zero_state" !in fields || sameJson(zeroState, zeroPoint.toLong())
            expect(isSame, "zero_state` of `$name", "the zero point, $zeroPoint", zeroState)
            if ("frames" in fields) asInteger("frames` of `$name", fields["frames"], 0..Int.MAX_VALUE)
            val shape = asList("shape` of `$name", fields["shape"]).map { asInteger("shape` of `$name", it) }
            val labels = labels("labels` of `$name", fields["labels"])
            val fedBy = asText("fed_by` of `$name", fields["fed_by"] ?: "")
            expect(fedBy.isNotEmpty() || role != CACHE, "fed_by` of `$name", "the output that feeds the cache", fedBy)
            val late = asInteger("late` of `$name", fields["late"] ?: 0L, 0..Int.MAX_VALUE)
            val entries = asList("entries` of `$name", fields["entries"] ?: emptyList<Long>())
            val tensor =
                TensorSpec(
                    name,
                    role,
                    shape,
                    dtype,
                    scale(name, dtype, fields["scale"]),
                    zeroPoint,
                    labels,
                    noGesture(name, labels, fields["no_gesture"]),
                    fedBy,
                    late,
                    entries.map { asInteger("entries` of `$name", it, 0..Int.MAX_VALUE) },
                )
            val perStream = if (role == VALID && shape.isNotEmpty()) tensor.count / shape[0] else 0
            expect(entries.size == perStream, "entries` of `$name", "$perStream integers", entries)
            val needsLabels = tensor.isHead || role == HEATMAP
            expect(labels.isNotEmpty() || !needsLabels, "labels` of `$name", "at least one for the role $role", labels)
            return tensor
        }

        private fun dtype(
            name: String,
            role: String,
            value: Any?,
        ): DType {
            val isExact = role in setOf(FRAME, CLIP, VALID, LOGITS, PROBABILITIES) || role in MAPS
            val allowed = DType.entries.filter { it != DType.FLOAT16 || !isExact }
            val dtype = allowed.find { it.label == value }
            expect(dtype != null, "dtype` of `$name", "one of ${allowed.map { it.label }}", value)
            return dtype!!
        }

        private fun scale(
            name: String,
            dtype: DType,
            value: Any?,
        ): Float {
            val scale = asNumber("scale` of `$name", value)
            val holds = if (dtype.integers == null) scale == 0.0 else scale > 0
            expect(holds, "scale` of `$name", "positive for integers and 0 for floats", value)
            return scale.toFloat()
        }

        private fun labels(
            field: String,
            value: Any?,
        ): List<String> {
            val labels = asList(field, value ?: emptyList<String>()).map { asLabel(field, it) }
            expect(labels.toSet().size == labels.size, field, "different names", labels)
            return labels
        }

        private fun noGesture(
            name: String,
            labels: List<String>,
            value: Any?,
        ): List<String> {
            val field = "no_gesture` of `$name"
            val names = labels(field, value)
            val holds = labels.containsAll(names) && (labels.isEmpty() || names.size < labels.size)
            expect(holds, field, "some of `labels`, and not all of them", names)
            return names
        }
    }
}
