package tsm.app

import android.Manifest
import android.app.Activity
import android.app.AlertDialog
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.SurfaceTexture
import android.hardware.display.DisplayManager
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.provider.Settings
import android.view.Menu
import android.view.MenuItem
import android.view.TextureView
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.TextView
import tsm.core.check.Choice

private const val ASK_CAMERA = 1
private const val PICK_MODEL = 2
private const val STATUS_MILLISECONDS = 500L
private const val QUARTER_TURN = 90

/** The only screen: the camera, the gestures or objects, and a menu. */
class MainActivity :
    Activity(),
    TextureView.SurfaceTextureListener,
    DisplayManager.DisplayListener {
    private val main = Handler(Looper.getMainLooper())
    private val state = LiveState()
    private val history = History()
    private lateinit var thread: HandlerThread
    private lateinit var worker: Handler
    private lateinit var store: ModelStore
    private lateinit var camera: CameraFeed
    private lateinit var recognizer: Recognizer
    private lateinit var preview: TextureView
    private lateinit var status: TextView
    private lateinit var message: MessagePanel

    @Volatile
    private var displayDegrees = 0

    @Volatile
    private var isFront = true
    private var mayUseGpu = true
    private var isResumed = false
    private var hasAsked = false
    private var modelTitle = ""
    private var accelerator = ""
    private var report = ""

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(R.layout.main)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        preview = view(R.id.preview) as TextureView
        status = view(R.id.status) as TextView
        message = MessagePanel(view(R.id.message) as TextView, view(R.id.action) as Button)
        val results = view(R.id.results) as ResultView
        results.state = state
        results.history = history
        (view(R.id.boxes) as BoxView).state = state
        thread = HandlerThread("network").apply { start() }
        worker = Handler(thread.looper)
        store = ModelStore(this)
        camera =
            CameraFeed(this, worker, { recognizer.take(it, camera.sensorOrientation, displayDegrees, isFront) }, ::fail)
        recognizer = Recognizer(worker, store, state, history, ::loaded, ::fail)
        preview.surfaceTextureListener = this
        displays().registerDisplayListener(this, main)
        load(store.chosen())
    }

    override fun onResume() {
        super.onResume()
        isResumed = true
        when {
            mayUseCamera() -> openCamera()
            hasAsked -> explainCamera()
            else -> requestPermissions(arrayOf(Manifest.permission.CAMERA), ASK_CAMERA)
        }
        showStatus()
    }

    override fun onPause() {
        super.onPause()
        isResumed = false
        main.removeCallbacksAndMessages(null)
        worker.post {
            camera.close()
            recognizer.restart()
        }
    }

    override fun onDestroy() {
        super.onDestroy()
        displays().unregisterDisplayListener(this)
        worker.post { recognizer.close() }
        thread.quitSafely()
    }

    /** The activity resumes afterwards, and opens the camera or explains why it is needed. */
    override fun onRequestPermissionsResult(
        code: Int,
        permissions: Array<String>,
        results: IntArray,
    ) {
        hasAsked = true
    }

    private fun mayUseCamera() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    private fun explainCamera() =
        message.show(getString(R.string.needs_camera), getString(R.string.open_settings)) {
            message.hide()
            val uri = Uri.fromParts("package", packageName, null)
            startActivity(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, uri))
        }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.main, menu)
        return true
    }

    override fun onPrepareOptionsMenu(menu: Menu): Boolean {
        menu.findItem(R.id.cpu_only).isChecked = !mayUseGpu
        menu.findItem(R.id.switch_camera).isVisible = camera.has(true) && camera.has(false)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        when (item.itemId) {
            R.id.choose_model -> {
                chooseModel()
            }

            R.id.switch_camera -> {
                isFront = !isFront
                worker.post { recognizer.restart() }
                openCamera()
            }

            R.id.cpu_only -> {
                mayUseGpu = !mayUseGpu
                load(store.chosen())
            }

            R.id.reset -> {
                worker.post { recognizer.restart() }
            }

            R.id.share_events -> {
                shareText(R.string.share_events, history.lines(modelTitle))
            }

            R.id.share_check -> {
                shareText(R.string.share_check, report)
            }

            else -> {
                return super.onOptionsItemSelected(item)
            }
        }
        return true
    }

    override fun onActivityResult(
        code: Int,
        result: Int,
        data: Intent?,
    ) {
        val uri = data?.data
        if (code != PICK_MODEL || result != RESULT_OK || uri == null) return
        try {
            load(store.add(uri))
        } catch (error: SecurityException) {
            fail("The file cannot be kept: ${error.message}")
        }
    }

    private fun view(id: Int): View = findViewById(id)

    private fun chooseModel() {
        val entries = store.entries()
        val titles = (entries.map { it.title } + getString(R.string.pick_file)).toTypedArray<CharSequence>()
        AlertDialog
            .Builder(this)
            .setTitle(R.string.choose_model)
            .setItems(titles) { _, place -> if (place < entries.size) load(entries[place]) else pickFile() }
            .show()
    }

    private fun pickFile() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*")
        startActivityForResult(intent, PICK_MODEL)
    }

    private fun load(entry: ModelEntry?) {
        if (entry == null) return message.show(getString(R.string.no_model), getString(R.string.pick_file), ::pickFile)
        store.choose(entry)
        modelTitle = entry.title
        accelerator = ""
        history.clear()
        message.show(getString(R.string.loading, entry.title))
        recognizer.load(entry, mayUseGpu)
    }

    private fun loaded(
        model: LoadedModel,
        choice: Choice,
    ) {
        val device = "${Build.MANUFACTURER} ${Build.MODEL}, Android ${Build.VERSION.RELEASE}"
        val lines = listOf(device, "${model.title}, ${model.artifact.spec.modelHash}") + choice.report
        onMain {
            accelerator = choice.accelerator.name
            report = lines.joinToString("\n")
            val disagrees = choice.report.filter { "disagrees" in it || "cannot" in it }
            if (disagrees.isEmpty()) {
                message.hide()
            } else {
                message.show(
                    disagrees.joinToString("\n"),
                    getString(R.string.close),
                    message::hide,
                )
            }
        }
    }

    private fun fail(text: String) = onMain { message.show(text) }

    private fun openCamera() {
        val texture = preview.surfaceTexture
        if (!isResumed || !preview.isAvailable || texture == null) return
        if (!mayUseCamera()) return
        updateDisplay()
        worker.post {
            camera.open(isFront, texture)
            onMain { shape() }
        }
    }

    private fun updateDisplay() {
        @Suppress("DEPRECATION") // Its successor needs API 30.
        displayDegrees = windowManager.defaultDisplay.rotation * QUARTER_TURN
        shape()
    }

    private fun shape() = shapePreview(preview, camera.size, camera.sensorOrientation, displayDegrees)

    private fun showStatus() {
        status.text = getString(R.string.status, modelTitle, accelerator, state.milliseconds)
        main.postDelayed(::showStatus, STATUS_MILLISECONDS)
    }

    private fun onMain(run: () -> Unit) = runOnUiThread { if (!isDestroyed) run() }

    private fun displays() = getSystemService(Context.DISPLAY_SERVICE) as DisplayManager

    override fun onSurfaceTextureAvailable(
        texture: SurfaceTexture,
        width: Int,
        height: Int,
    ) = openCamera()

    override fun onSurfaceTextureSizeChanged(
        texture: SurfaceTexture,
        width: Int,
        height: Int,
    ) = updateDisplay()

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture): Boolean {
        worker.post { camera.close() }
        return true
    }

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit

    override fun onDisplayChanged(id: Int) = updateDisplay()

    override fun onDisplayAdded(id: Int) = Unit

    override fun onDisplayRemoved(id: Int) = Unit
}
