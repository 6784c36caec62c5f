package tsm.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View
import kotlin.math.max
import kotlin.math.min

private const val BARS = 3
private const val TIMELINE_SECONDS = 10.0
private const val LABEL_SIZE = 30f
private const val TEXT_SIZE = 16f
private const val BAR_HEIGHT = 24f
private const val GAP = 8f
private const val PERCENT = 100
private val BACKGROUND = Color.argb(150, 0, 0, 0)
private val BAR = Color.rgb(66, 133, 244)
private val GESTURE = Color.rgb(52, 168, 83)

/**
 * Shows the current gesture, the most probable labels, and the gestures of the last seconds.
 *
 * For a detector it shows the label of the best object, and the objects of the last seconds.
 */
class ResultView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    var state: LiveState? = null
    var history: History? = null

    private val density = resources.displayMetrics.density
    private val paint = Paint(Paint.ANTI_ALIAS_FLAG)
    private val percent = Array(PERCENT + 1) { "$it %" } // So that drawing makes no texts.
    private val best = IntArray(BARS)
    private var canvas: Canvas? = null
    private var now = 0.0
    private val visitor = PeriodVisitor { track, label, start, end -> drawPeriod(row(track), label, start, end) }

    override fun onMeasure(
        width: Int,
        height: Int,
    ) {
        val needed = LABEL_SIZE + (BARS + 1) * (BAR_HEIGHT + GAP) + 4 * GAP
        setMeasuredDimension(getDefaultSize(suggestedMinimumWidth, width), (needed * density).toInt())
    }

    override fun onDraw(canvas: Canvas) {
        val state = state ?: return
        this.canvas = canvas
        canvas.drawColor(BACKGROUND)
        synchronized(state) {
            now = state.time
            drawText(state.gesture ?: "-", GAP, GAP + LABEL_SIZE, LABEL_SIZE)
            findBest(state.scores)
            for (i in 0 until min(BARS, state.scores.size)) {
                drawBar(i, state.labels[best[i]], state.scores[best[i]])
            }
        }
        history?.forEachGesture(state.head, now - TIMELINE_SECONDS, now, visitor)
        history?.forEachObject(now - TIMELINE_SECONDS, now, visitor)
        this.canvas = null
        postInvalidateOnAnimation()
    }

    private fun drawBar(
        place: Int,
        label: String,
        score: Float,
    ) {
        val top = LABEL_SIZE + 2 * GAP + place * (BAR_HEIGHT + GAP)
        drawBox(GAP, top, GAP + score * (width / density - 2 * GAP), BAR)
        drawText(label, 2 * GAP, top + BAR_HEIGHT - GAP, TEXT_SIZE)
        drawText(
            percent[(score * PERCENT + 0.5f).toInt().coerceIn(0, PERCENT)],
            width / density - 7 * GAP,
            top + BAR_HEIGHT - GAP,
            TEXT_SIZE,
        )
    }

    /** A gesture is below the bars. Objects may be there at the same time, and have all rows. */
    private fun row(track: Int) = if (track == 0) BARS else (track - 1) % (BARS + 1)

    private fun drawPeriod(
        row: Int,
        label: String,
        start: Double,
        end: Double,
    ) {
        val top = LABEL_SIZE + 2 * GAP + row * (BAR_HEIGHT + GAP)
        val scale = (width / density - 2 * GAP) / TIMELINE_SECONDS
        val left = (GAP + max(0.0, start - now + TIMELINE_SECONDS) * scale).toFloat()
        drawBox(left, top, (GAP + (end - now + TIMELINE_SECONDS) * scale).toFloat(), GESTURE)
        drawText(label, left, top + BAR_HEIGHT - GAP, TEXT_SIZE)
    }

    private fun drawBox(
        left: Float,
        top: Float,
        right: Float,
        color: Int,
    ) {
        paint.color = color
        canvas?.drawRect(left * density, top * density, right * density, (top + BAR_HEIGHT) * density, paint)
    }

    private fun drawText(
        text: String,
        left: Float,
        bottom: Float,
        size: Float,
    ) {
        paint.color = Color.WHITE
        paint.textSize = size * density
        canvas?.drawText(text, left * density, bottom * density, paint)
    }

    /** Finds the places of the highest scores. */
    private fun findBest(scores: FloatArray) {
        for (i in 0 until min(BARS, scores.size)) {
            var highest = -1
            for (k in scores.indices) {
                if (!isTaken(k, i) && (highest < 0 || scores[k] > scores[highest])) highest = k
            }
            best[i] = highest
        }
    }

    private fun isTaken(
        label: Int,
        places: Int,
    ): Boolean {
        for (i in 0 until places) if (best[i] == label) return true
        return false
    }
}
