package tsm.core.decision

/** Something that happens in a stream: a gesture starts or ends, or an object appears or disappears. */
sealed interface LiveEvent {
    val label: String
    val score: Float

    /** The time in the stream, in seconds. */
    val time: Double
}
