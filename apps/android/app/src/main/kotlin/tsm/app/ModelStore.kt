package tsm.app

import android.content.ContentResolver
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.provider.OpenableColumns
import tsm.core.artifact.Artifact
import tsm.core.check.VectorsFile
import java.io.File
import java.io.IOException

private const val FOLDER = "models"
private const val SUFFIX = ".tflite"
private const val VECTORS_SUFFIX = ".vectors.json"
private const val PICKED = "picked"
private const val CHOSEN = "chosen"
private const val MAX_BYTES = 512L shl 20

/**
 * A model that the user may choose.
 *
 * @property id its path among the assets, or its URI if the user picked a file.
 * @property title what the user sees.
 */
class ModelEntry(
    val id: String,
    val title: String,
)

/**
 * A checked artifact, ready for LiteRT.
 *
 * @property file the bytes of the model, which were checked, in the app's own folder.
 * @property vectors the vectors of the artifact, if they are bundled with it.
 */
class LoadedModel(
    val title: String,
    val artifact: Artifact,
    val file: File,
    val vectors: VectorsFile?,
)

/** The models that are bundled with the app, and those that the user picked. */
class ModelStore(
    private val context: Context,
) {
    private val settings = context.getSharedPreferences(FOLDER, Context.MODE_PRIVATE)

    /** Returns all models, the bundled ones first. */
    fun entries(): List<ModelEntry> {
        val bundled =
            context.assets
                .list(FOLDER)
                .orEmpty()
                .filter { it.endsWith(SUFFIX) }
                .sorted()
        return bundled.map { ModelEntry("$FOLDER/$it", it.removeSuffix(SUFFIX)) } +
            pickedIds().map { ModelEntry(it, title(Uri.parse(it))) }
    }

    /** The model that the user chose last, or the first one, or null if there is none. */
    fun chosen(): ModelEntry? {
        val entries = entries()
        val id = settings.getString(CHOSEN, null)
        return entries.find { it.id == id } ?: entries.firstOrNull()
    }

    fun choose(entry: ModelEntry) = settings.edit().putString(CHOSEN, entry.id).apply()

    /** Remembers a file of the Storage Access Framework. */
    fun add(uri: Uri): ModelEntry {
        context.contentResolver.takePersistableUriPermission(uri, Intent.FLAG_GRANT_READ_URI_PERMISSION)
        settings.edit().putStringSet(PICKED, pickedIds().toSet() + uri.toString()).apply()
        return ModelEntry(uri.toString(), title(uri))
    }

    /**
     * Reads and checks a model. This takes long and must not happen on the main thread.
     *
     * The file is read once. What was checked is what LiteRT gets, even if the file changes later.
     *
     * @throws ArtifactException if it is not an artifact.
     * @throws IOException if it cannot be read.
     */
    fun load(entry: ModelEntry): LoadedModel {
        val isBundled = entry.id.startsWith("$FOLDER/")
        val content = if (isBundled) asset(entry.id) else picked(Uri.parse(entry.id))
        val artifact = Artifact.from(content)
        val folder = File(context.cacheDir, FOLDER).apply { mkdirs() }
        folder.listFiles().orEmpty().forEach { it.delete() }
        val file = File(folder, artifact.spec.modelHash + SUFFIX).apply { writeBytes(artifact.model) }
        val vectors = if (isBundled) vectors(entry.id.removeSuffix(SUFFIX) + VECTORS_SUFFIX) else null
        return LoadedModel(entry.title, artifact, file, vectors)
    }

    private fun vectors(path: String): VectorsFile? {
        val name = path.substringAfter("/")
        if (name !in context.assets.list(FOLDER).orEmpty()) return null
        return VectorsFile(String(asset(path), Charsets.UTF_8))
    }

    private fun asset(path: String) = context.assets.open(path).use { it.readBytes() }

    private fun picked(uri: Uri): ByteArray {
        try {
            val stream = context.contentResolver.openInputStream(uri) ?: throw IOException("$uri cannot be opened")
            return stream.use {
                if (size(uri) > MAX_BYTES) throw IOException("The file has more than $MAX_BYTES bytes.")
                it.readBytes()
            }
        } catch (error: SecurityException) {
            throw IOException("The permission to read the file has ended. Pick it again.", error)
        }
    }

    private fun pickedIds() = settings.getStringSet(PICKED, null).orEmpty().sorted()

    private fun title(uri: Uri) = column(uri, OpenableColumns.DISPLAY_NAME) ?: uri.lastPathSegment ?: uri.toString()

    private fun size(uri: Uri) = column(uri, OpenableColumns.SIZE)?.toLongOrNull() ?: 0

    private fun column(
        uri: Uri,
        name: String,
    ): String? {
        val resolver: ContentResolver = context.contentResolver
        return try {
            resolver
                .query(
                    uri,
                    arrayOf(name),
                    null,
                    null,
                    null,
                )?.use { if (it.moveToFirst()) it.getString(0) else null }
        } catch (_: SecurityException) {
            null
        }
    }
}
