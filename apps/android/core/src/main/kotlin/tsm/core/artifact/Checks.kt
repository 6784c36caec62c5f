package tsm.core.artifact

/** The file is not an artifact, is damaged, or cannot be run here. */
class ArtifactException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause)

private const val SHOWN = 200
private const val LINE_ENDS = "\n\r\u000b\u000c\u001c\u001d\u001e\u0085\u2028\u2029"

/** Refuses a field of a spec that is not as expected. */
internal fun expect(
    holds: Boolean,
    field: String,
    expected: String,
    value: Any?,
) {
    if (holds) return
    val text = value.toString()
    val shown = if (text.length > SHOWN) "${text.take(SHOWN)}..." else text
    throw ArtifactException("The embedded spec is not valid: `$field` must be $expected. Received: $shown")
}

internal fun asObject(
    field: String,
    value: Any?,
): Map<*, *> {
    expect(value is Map<*, *>, field, "a JSON object", value)
    return value as Map<*, *>
}

internal fun asList(
    field: String,
    value: Any?,
): List<*> {
    expect(value is List<*>, field, "a JSON array", value)
    return value as List<*>
}

internal fun asText(
    field: String,
    value: Any?,
): String {
    expect(isText(value), field, "a text", value)
    return value as String
}

/** Returns a text of one line that is not empty. */
internal fun asLabel(
    field: String,
    value: Any?,
): String {
    val holds = isText(value) && (value as String).isNotEmpty() && value.none { it in LINE_ENDS }
    expect(holds, field, "a text of one line", value)
    return value as String
}

internal fun asInteger(
    field: String,
    value: Any?,
    range: IntRange = 1..Int.MAX_VALUE,
): Int {
    expect(value is Long && value in range.first..range.last, field, "an integer in $range", value)
    return (value as Long).toInt()
}

/** Returns a finite number that is not negative. */
internal fun asNumber(
    field: String,
    value: Any?,
): Double {
    val number = (value as? Number)?.toDouble()
    expect(number != null && number.isFinite() && number >= 0, field, "a number, 0 or more", value)
    return number!!
}

/** Returns whether two JSON values are the same; `3` and `3.0` are. */
internal fun sameJson(
    one: Any?,
    other: Any?,
): Boolean =
    when {
        one is Number && other is Number -> {
            one.toDouble() == other.toDouble()
        }

        one is List<*> && other is List<*> -> {
            one.size == other.size && one.indices.all { sameJson(one[it], other[it]) }
        }

        else -> {
            one == other
        }
    }

private fun isText(value: Any?): Boolean {
    if (value !is String) return false
    var index = 0
    while (index < value.length) {
        val char = value[index++]
        if (!char.isSurrogate()) continue
        val isPair = char.isHighSurrogate() && index < value.length && value[index++].isLowSurrogate()
        if (!isPair) return false // UTF-8 cannot encode half a pair.
    }
    return true
}
