package tsm.app

import android.view.View
import android.widget.Button
import android.widget.TextView

/** A message in the middle of the screen, with a button if there is something to do. */
class MessagePanel(
    private val message: TextView,
    private val action: Button,
) {
    fun show(
        text: String,
        actionText: String? = null,
        act: () -> Unit = {},
    ) {
        message.text = text
        message.visibility = View.VISIBLE
        action.text = actionText
        action.visibility = if (actionText == null) View.GONE else View.VISIBLE
        action.setOnClickListener { act() }
    }

    fun hide() {
        message.visibility = View.GONE
        action.visibility = View.GONE
    }
}
