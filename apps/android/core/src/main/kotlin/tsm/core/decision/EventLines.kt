package tsm.core.decision

import kotlin.math.roundToLong

private const val SCORE_DIGITS = 1e4
private const val TIME_DIGITS = 1e3
private const val HEX = 16
private const val HEX_DIGITS = 4

/** Returns an event as a line of JSON, with the same fields as the lines of `tsm-live --events`. */
fun eventLine(
    source: String,
    event: GestureEvent,
): String {
    val score = (event.score * SCORE_DIGITS).roundToLong() / SCORE_DIGITS
    val time = (event.time * TIME_DIGITS).roundToLong() / TIME_DIGITS
    val head = if (event.head.isEmpty()) "" else ", \"head\": ${quoted(event.head)}"
    return "{\"source\": ${quoted(source)}, \"kind\": \"${event.kind.name.lowercase()}\", " +
        "\"label\": ${quoted(event.label)}, \"score\": $score, \"time\": $time$head}"
}

private fun quoted(text: String): String {
    val result = StringBuilder("\"")
    for (char in text) {
        when {
            char == '"' || char == '\\' -> result.append('\\').append(char)
            char < ' ' -> result.append("\\u").append(char.code.toString(HEX).padStart(HEX_DIGITS, '0'))
            else -> result.append(char)
        }
    }
    return result.append('"').toString()
}
