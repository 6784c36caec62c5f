package tsm.core.decision

import kotlin.math.roundToLong

private const val SCORE_DIGITS = 1e4
private const val TIME_DIGITS = 1e3
private const val EDGE_DIGITS = 1e1
private const val HEX = 16
private const val HEX_DIGITS = 4

/** Returns an event as a line of JSON, with the same fields as the lines of `tsm-live --events`. */
fun eventLine(
    source: String,
    event: LiveEvent,
): String {
    val numbers =
        "\"label\": ${quoted(event.label)}, \"score\": ${rounded(event.score.toDouble(), SCORE_DIGITS)}, " +
            "\"time\": ${rounded(event.time, TIME_DIGITS)}"
    val rest =
        when (event) {
            is GestureEvent -> {
                val head = if (event.head.isEmpty()) "" else ", \"head\": ${quoted(event.head)}"
                "\"kind\": \"${event.kind.name.lowercase()}\", $numbers$head"
            }

            is ObjectEvent -> {
                val box = event.box.map { rounded(it.toDouble(), EDGE_DIGITS) }
                "\"kind\": \"${event.kind.name.lowercase()}\", \"track\": ${event.track}, $numbers, \"box\": $box"
            }
        }
    return "{\"source\": ${quoted(source)}, $rest}"
}

private fun rounded(
    value: Double,
    digits: Double,
) = (value * digits).roundToLong() / digits

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
