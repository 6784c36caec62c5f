package tsm.app

import android.app.Activity
import android.content.Intent

/**
 * Offers a text to other apps.
 *
 * @param title the resource of the title that people see.
 */
fun Activity.shareText(
    title: Int,
    text: String,
) {
    val intent = Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, text)
    startActivity(Intent.createChooser(intent, getString(title)))
}
