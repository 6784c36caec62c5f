package tsm.core.check

import tsm.core.artifact.Artifact
import tsm.core.artifact.ArtifactException
import tsm.core.session.FakeNetwork
import tsm.core.session.Network
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class AcceleratorChoiceTest {
    private val spec = Artifact.from(Vectors.artifact("float32.tflite")).spec

    private fun choose(
        mayUseGpu: Boolean = true,
        openGpu: () -> Network,
    ): Choice =
        AcceleratorChoice(spec, null) {
            if (it ==
                Accelerator.GPU
            ) {
                openGpu()
            } else {
                FakeNetwork(spec)
            }
        }.choose(mayUseGpu)

    @Test
    fun `a GPU that agrees is used`() {
        val choice = choose { FakeNetwork(spec) }
        assertEquals(Accelerator.GPU, choice.accelerator)
        assertTrue(choice.report.any { "GPU agrees" in it }, "${choice.report}")
    }

    @Test
    fun `a GPU that computes wrong numbers is not used, and the report says so`() {
        val wrong = FakeNetwork(spec, error = 0.1f)
        val choice = choose { wrong }
        assertEquals(Accelerator.CPU, choice.accelerator)
        assertTrue(wrong.isClosed)
        assertTrue(choice.report.any { "GPU disagrees" in it }, "${choice.report}")
    }

    @Test
    fun `a GPU that cannot run the network leaves it to the CPU`() {
        val choice = choose { throw ArtifactException("no driver") }
        assertEquals(Accelerator.CPU, choice.accelerator)
        assertTrue(choice.report.any { "no driver" in it }, "${choice.report}")
    }

    @Test
    fun `the GPU is not opened if the user does not want it`() {
        assertEquals(Accelerator.CPU, choose(mayUseGpu = false) { throw AssertionError("opened") }.accelerator)
    }

    @Test
    fun `a CPU that cannot run the network is an error`() {
        assertFailsWith<ArtifactException> {
            AcceleratorChoice(
                spec,
                null,
            ) { throw ArtifactException("broken") }.choose(true)
        }
    }

    @Test
    fun `a session starts with zero caches after the check`() {
        for (mayUseGpu in listOf(true, false)) {
            val session = choose(mayUseGpu) { FakeNetwork(spec) }.session
            session.step(arrayOf(ByteArray(session.frameBytes) { 3 }))
            assertEquals(3f, session.logits()[0])
        }
    }
}
