package tsm.core.artifact

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest
import java.util.zip.CRC32

/**
 * A `.tflite` file of `tsm export`, read once and checked.
 *
 * @property spec how to run the model.
 * @property model the bytes of the model. Hand these to the runtime, and not the
 *   file, which may change after it was checked.
 */
class Artifact private constructor(
    val spec: ArtifactSpec,
    val model: ByteArray,
) {
    companion object {
        /**
         * Reads an artifact from the bytes of its file.
         *
         * @throws ArtifactException if the bytes carry no spec, or are damaged.
         */
        fun from(content: ByteArray): Artifact {
            val archive = Archive(content)
            val spec = ArtifactSpec.from(archive.text("spec.json"))
            val model = content.copyOf(archive.start)
            if (sha256(model) != spec.modelHash) {
                throw ArtifactException(
                    "The model is not the one that was exported: the file is damaged or was changed.",
                )
            }
            return Artifact(spec, model)
        }

        private fun sha256(content: ByteArray) =
            MessageDigest.getInstance("SHA-256").digest(content).joinToString("") {
                (it.toInt() and BYTE).toString(HEX).padStart(2, '0')
            }

        private const val HEX = 16
    }
}

private const val BYTE = 0xff
private const val SHORT = 0xffff
private const val MAX_SPEC = 1 shl 20
private const val END_SIZE = 22
private const val LONGEST_END = 65_557
private const val END_SIGNATURE = 0x06054b50
private const val ENTRY_SIZE = 46
private const val ENTRY_SIGNATURE = 0x02014b50
private const val LOCAL_SIZE = 30
private const val LOCAL_SIGNATURE = 0x04034b50

/** The ZIP archive after a model, whose members are stored without compression. */
private class Archive(
    private val content: ByteArray,
) {
    private val data = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    private val entries = HashMap<String, Int>()

    /** Where the archive starts; the model is everything before it. */
    var start = content.size
        private set

    init {
        val end = findEnd()
        var at = offset(end + 16, "the central directory")
        repeat(short(end + 10)) {
            if (!fits(at, ENTRY_SIZE) || data.getInt(at) != ENTRY_SIGNATURE) fail("a damaged central directory")
            val name = short(at + 28)
            if (!fits(at + ENTRY_SIZE, name)) fail("a damaged central directory")
            entries[String(content, at + ENTRY_SIZE, name, Charsets.UTF_8)] = at
            start = minOf(start, offset(at + 42, "a member"))
            at += ENTRY_SIZE + name + short(at + 30) + short(at + 32)
        }
    }

    fun text(name: String): String {
        val entry = entries[name] ?: fail("no $name")
        if (short(entry + 10) != 0) fail("a compressed $name")
        val size = data.getInt(entry + 24)
        if (size !in 0..MAX_SPEC) fail("$name of $size bytes; at most $MAX_SPEC are allowed")
        val local = offset(entry + 42, name)
        if (!fits(local, LOCAL_SIZE) || data.getInt(local) != LOCAL_SIGNATURE) fail("a damaged $name")
        val first = local + LOCAL_SIZE + short(local + 26) + short(local + 28)
        if (!fits(first, size)) fail("a truncated $name")
        val checksum = CRC32().apply { update(content, first, size) }.value.toInt()
        if (checksum != data.getInt(entry + 16)) fail("a damaged $name")
        try {
            return Charsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(content, first, size))
                .toString()
        } catch (error: CharacterCodingException) {
            throw ArtifactException("The spec is not UTF-8 text: $error", error)
        }
    }

    private fun findEnd(): Int {
        val last = content.size - END_SIZE
        for (at in last downTo maxOf(0, content.size - LONGEST_END)) {
            if (data.getInt(at) == END_SIGNATURE) return at
        }
        fail("no archive at the end")
    }

    private fun offset(
        at: Int,
        what: String,
    ): Int {
        val offset = data.getInt(at)
        if (offset !in 0 until content.size) fail("an offset of $what that is outside of the file")
        return offset
    }

    private fun short(at: Int) = data.getShort(at).toInt() and SHORT

    private fun fits(
        at: Int,
        size: Int,
    ) = at >= 0 && at <= content.size - size

    private fun fail(found: String): Nothing =
        throw ArtifactException(
            "The file carries no readable spec, so it is not an artifact of `tsm export`. Received: $found",
        )
}
