package tsm.core.check

import tsm.core.artifact.ArtifactException
import tsm.core.artifact.ArtifactSpec
import tsm.core.session.Network
import tsm.core.session.StreamingSession

private const val STEPS = 8
private const val TIMED_STEPS = 10
private const val NANOSECONDS_PER_MILLISECOND = 1e6

/** The accelerators that a network may run on. */
enum class Accelerator { GPU, CPU }

/**
 * The session to use, and how it was chosen.
 *
 * @property accelerator what runs the network.
 * @property report what was tried, one sentence per line, for people.
 */
class Choice(
    val session: StreamingSession,
    val accelerator: Accelerator,
    val report: List<String>,
)

/**
 * Chooses the accelerator of an artifact by a self-check: the GPU if it computes the right numbers, else the CPU.
 *
 * The numbers are those of test vectors. Without vectors the GPU is compared with the CPU of the same
 * device, on random frames.
 *
 * @param open opens the network on one accelerator alone, or throws an [ArtifactException].
 */
class AcceleratorChoice(
    private val spec: ArtifactSpec,
    private val vectors: VectorsFile?,
    private val open: (Accelerator) -> Network,
) {
    private val report = ArrayList<String>()

    /**
     * Opens the network.
     *
     * @throws ArtifactException if the CPU cannot run it.
     */
    fun choose(mayUseGpu: Boolean): Choice {
        val cpu = StreamingSession(spec, open(Accelerator.CPU))
        try {
            val case = vectors?.stepsCases()?.firstOrNull() ?: StepsCase.record(cpu, STEPS + spec.delay)
            if (vectors == null) report.add("There are no vectors: the GPU is compared with the CPU of this device.")
            check("CPU", cpu, case, vectors?.tolerances("cpu") ?: Tolerances.same)
            val gpu = if (mayUseGpu) openGpu(case) else null
            if (gpu == null) {
                report.add("The CPU runs the network.")
                cpu.reset()
                return Choice(cpu, Accelerator.CPU, report)
            }
            cpu.close()
            report.add("The GPU runs the network.")
            return Choice(gpu, Accelerator.GPU, report)
        } catch (error: ArtifactException) {
            cpu.close()
            throw error
        }
    }

    /** Returns the session on the GPU, or null if the GPU cannot run the network or computes wrong numbers. */
    private fun openGpu(case: StepsCase): StreamingSession? {
        var session: StreamingSession? = null
        try {
            val opened = StreamingSession(spec, open(Accelerator.GPU))
            session = opened
            val agrees = check("GPU", opened, case, vectors?.tolerances("gpu_float16") ?: Tolerances.gpuFloat16)
            opened.reset()
            if (agrees) return opened
        } catch (error: ArtifactException) {
            report.add("The GPU cannot run the network: ${error.message}")
        }
        session?.close()
        return null
    }

    private fun check(
        name: String,
        session: StreamingSession,
        case: StepsCase,
        tolerances: Tolerances,
    ): Boolean {
        val found = SelfCheck(case, tolerances).run(session)
        val difference = "largest differences ${found.float} (floats) and ${found.integer} (integers)"
        val verdict = found.problem?.let { "disagrees: $it" } ?: "agrees"
        report.add("The $name $verdict; $difference; ${milliseconds(session, case)} ms per frame.")
        return found.agrees
    }

    private fun milliseconds(
        session: StreamingSession,
        case: StepsCase,
    ): Double {
        val squares = StepsCase.squares(session, List(spec.streams) { it }, case.steps.first().frames)
        session.reset()
        val start = System.nanoTime()
        repeat(TIMED_STEPS) { session.step(squares) }
        return (System.nanoTime() - start) / TIMED_STEPS / NANOSECONDS_PER_MILLISECOND
    }
}
