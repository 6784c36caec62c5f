package tsm.core.artifact

/**
 * Reads a JSON text.
 *
 * Objects become maps, arrays become lists, whole numbers become [Long] and other
 * numbers [Double]. The core needs no JSON library, so that it has no dependencies.
 *
 * @throws ArtifactException if [text] is not JSON, or is nested too deeply.
 */
fun parseJson(text: String): Any? = JsonReader(text).read()

private const val MAX_DEPTH = 64

private class JsonReader(
    private val text: String,
) {
    private var at = 0

    fun read(): Any? {
        val value = value(0)
        skipSpace()
        if (at != text.length) fail("the end of the text")
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > MAX_DEPTH) fail("at most $MAX_DEPTH nested values")
        skipSpace()
        return when (peek()) {
            '{' -> objectValue(depth)
            '[' -> arrayValue(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun objectValue(depth: Int): Map<String, Any?> {
        val values = LinkedHashMap<String, Any?>()
        at++
        if (closes('}')) return values
        while (true) {
            skipSpace()
            if (peek() != '"') fail("a key")
            val key = string()
            skipSpace()
            take(':')
            values[key] = value(depth + 1)
            if (closes('}')) return values
            take(',')
        }
    }

    private fun arrayValue(depth: Int): List<Any?> {
        val values = ArrayList<Any?>()
        at++
        if (closes(']')) return values
        while (true) {
            values.add(value(depth + 1))
            if (closes(']')) return values
            take(',')
        }
    }

    private fun closes(bracket: Char): Boolean {
        skipSpace()
        if (peek() != bracket) return false
        at++
        return true
    }

    private fun string(): String {
        val start = ++at
        var plain = start
        while (plain < text.length && text[plain] != '"' && text[plain] != '\\' && text[plain] >= ' ') plain++
        if (plain < text.length && text[plain] == '"') { // The usual case, also for long arrays in base64.
            at = plain + 1
            return text.substring(start, plain)
        }
        return escapedString()
    }

    private fun escapedString(): String {
        val result = StringBuilder()
        while (true) {
            val char = peek()
            at++
            when {
                char == '"' -> return result.toString()
                char == '\\' -> result.append(escape())
                char < ' ' -> fail("no control character in a text")
                else -> result.append(char)
            }
        }
    }

    private fun escape(): Char {
        val char = peek()
        at++
        return when (char) {
            '"', '\\', '/' -> {
                char
            }

            'b' -> {
                '\b'
            }

            'f' -> {
                '\u000c'
            }

            'n' -> {
                '\n'
            }

            'r' -> {
                '\r'
            }

            't' -> {
                '\t'
            }

            'u' -> {
                val digits = text.substring(at, minOf(at + HEX_DIGITS, text.length))
                if (digits.length < HEX_DIGITS ||
                    !digits.all { it in "0123456789abcdefABCDEF" }
                ) {
                    fail("four hexadecimal digits")
                }
                at += HEX_DIGITS
                digits.toInt(HEX).toChar()
            }

            else -> {
                fail("a known escape")
            }
        }
    }

    private fun number(): Number {
        val found = NUMBER.matchAt(text, at) ?: fail("a value")
        at = found.range.last + 1
        val whole = if (found.groupValues[1].isEmpty()) found.value.toLongOrNull() else null
        return whole ?: found.value.toDouble()
    }

    private fun word(
        word: String,
        value: Any?,
    ): Any? {
        if (!text.startsWith(word, at)) fail("a value")
        at += word.length
        return value
    }

    private fun take(char: Char) {
        if (peek() != char) fail("`$char`")
        at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else fail("more text")

    private fun skipSpace() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun fail(expected: String): Nothing {
        val found = if (at < text.length) text.substring(at, minOf(at + SHOWN, text.length)) else "the end"
        throw ArtifactException("The text is not JSON: expected $expected at character $at. Received: $found")
    }

    private companion object {
        const val HEX_DIGITS = 4
        const val HEX = 16
        const val SHOWN = 20
        val NUMBER = Regex("-?(?:0|[1-9][0-9]*)((?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
    }
}
