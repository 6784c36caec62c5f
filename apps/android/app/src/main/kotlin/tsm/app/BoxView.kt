package tsm.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View
import tsm.core.picture.FramePlacement
import kotlin.math.max
import kotlin.math.min

private const val EDGES = 4
private const val LINE = 3f
private const val TEXT_SIZE = 16f
private const val GAP = 4f
private const val PERCENT = 100
private val COLORS =
    intArrayOf(
        Color.rgb(52, 168, 83),
        Color.rgb(66, 133, 244),
        Color.rgb(251, 188, 5),
        Color.rgb(234, 67, 53),
        Color.rgb(171, 71, 188),
    )

/** Draws the boxes of the objects that have appeared over the preview, mirrored if the preview is. */
class BoxView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    var state: LiveState? = null

    private val density = resources.displayMetrics.density
    private val placement = FramePlacement()
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply { style = Paint.Style.STROKE }
    private val text = Paint(Paint.ANTI_ALIAS_FLAG)
    private val percent = Array(PERCENT + 1) { " $it %" } // So that drawing makes no texts.

    init {
        line.strokeWidth = LINE * density
        text.textSize = TEXT_SIZE * density
    }

    override fun onDraw(canvas: Canvas) {
        val state = state ?: return
        synchronized(state) {
            if (state.width > 0 && state.height > 0) {
                placement.set(width, height, state.width, state.height, state.isMirrored)
                for (i in 0 until state.boxes.size) if (state.boxes.tracks[i] > 0) drawBox(canvas, state, i)
            }
        }
        postInvalidateOnAnimation()
    }

    private fun drawBox(
        canvas: Canvas,
        state: LiveState,
        place: Int,
    ) {
        val boxes = state.boxes
        val label = boxes.labels[place]
        val one = placement.x(boxes.edges[EDGES * place])
        val other = placement.x(boxes.edges[EDGES * place + 2])
        val top = placement.y(boxes.edges[EDGES * place + 1])
        val left = min(one, other)
        line.color = COLORS[label % COLORS.size]
        text.color = line.color
        canvas.drawRect(left, top, max(one, other), placement.y(boxes.edges[EDGES * place + 3]), line)
        // Inside the view, also for an object that reaches out of it.
        val x = max(left, 0f) + GAP * density
        val y = max(top, 0f) + text.textSize + GAP * density
        canvas.drawText(state.labels[label], x, y, text)
        val score = (boxes.scores[place] * PERCENT + 0.5f).toInt().coerceIn(0, PERCENT)
        canvas.drawText(percent[score], x + text.measureText(state.labels[label]), y, text)
    }
}
