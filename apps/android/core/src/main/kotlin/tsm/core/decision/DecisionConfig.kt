package tsm.core.decision

import tsm.core.artifact.ArtifactSpec
import tsm.core.artifact.TensorSpec

/**
 * The rules by which a gesture starts and ends.
 *
 * @property average the seconds over which logits are averaged; 0 uses the last frame only.
 * @property startScore the score at which a gesture may start.
 * @property endScore the score below which it ends.
 * @property minDuration the seconds for which a gesture must lead before it starts.
 * @property cooldown the seconds after the end of a gesture during which none starts.
 * @property noGesture labels which mean that there is no gesture.
 * @property ignored labels that are left out, as if the network did not have them.
 */
data class DecisionConfig(
    val average: Double = 1.0,
    val startScore: Double = 0.6,
    val endScore: Double = 0.4,
    val minDuration: Double = 0.2,
    val cooldown: Double = 0.5,
    val noGesture: List<String> = emptyList(),
    val ignored: List<String> = emptyList(),
) {
    init {
        for (seconds in listOf(average, minDuration, cooldown)) {
            require(seconds.isFinite() && seconds >= 0) { "Durations must be seconds, 0 or more. Received: $this" }
        }
        require(0 <= endScore && endScore <= startScore && startScore <= 1) {
            "Scores must satisfy 0 <= endScore <= startScore <= 1. Received: $this"
        }
    }

    companion object {
        /** Returns the rules that an artifact carries for one of its heads. */
        fun of(
            spec: ArtifactSpec,
            head: TensorSpec = spec.heads.first(),
        ): DecisionConfig {
            val usual = DecisionConfig()
            val given = spec.decision
            return DecisionConfig(
                given["average"] ?: usual.average,
                given["start_score"] ?: usual.startScore,
                given["end_score"] ?: usual.endScore,
                given["min_duration"] ?: usual.minDuration,
                given["cooldown"] ?: usual.cooldown,
                head.noGesture,
            )
        }
    }
}
