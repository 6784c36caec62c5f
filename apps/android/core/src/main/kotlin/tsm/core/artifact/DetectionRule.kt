package tsm.core.artifact

/**
 * The numbers by which the outputs of a detector become boxes.
 *
 * @property stride the height and the width of a cell of the outputs, in pixels.
 * @property threshold the score that a box must have.
 * @property top the greatest number of boxes per frame.
 */
data class DetectionRule(
    val stride: Int,
    val threshold: Float,
    val top: Int,
) {
    init {
        require(stride > 0 && top > 0) { "`stride` and `top` must be positive. Received: $this" }
        require(threshold in 0f..1f) { "`threshold` must be a score in 0..1. Received: $this" }
    }

    companion object {
        /** Reads the JSON object of a rule; ignores unknown keys. */
        internal fun from(value: Any?): DetectionRule {
            val fields = asObject("detection", value)
            val threshold = asNumber("detection.threshold", fields["threshold"])
            expect(threshold <= 1, "detection.threshold", "a score in 0..1", threshold)
            return DetectionRule(
                asInteger("detection.stride", fields["stride"]),
                threshold.toFloat(),
                asInteger("detection.top", fields["top"]),
            )
        }

        /** Checks that a detector has its three outputs, with the shapes of its rule. */
        internal fun check(
            rule: DetectionRule,
            spec: ArtifactSpec,
        ) {
            val roles = spec.outputs.map { it.role }
            val holds = TensorSpec.MAPS.all { role -> roles.count { it == role } == 1 }
            expect(holds, "outputs", "with each of the roles ${TensorSpec.MAPS} once", roles)
            val size = spec.imageSize
            expect(size % rule.stride == 0, "detection.stride", "a divisor of the frame's $size pixels", rule.stride)
            val side = size / rule.stride
            for (map in spec.maps) {
                val channels = if (map.role == TensorSpec.HEATMAP) map.labels.size else 2
                val shape = listOf(spec.frame.shape[0], side, side, channels)
                expect(map.shape == shape, "shape` of `${map.name}", "$shape for the role ${map.role}", map.shape)
            }
        }
    }
}
