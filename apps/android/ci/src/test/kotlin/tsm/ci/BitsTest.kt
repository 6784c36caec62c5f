package tsm.ci

import tsm.core.artifact.Artifact
import tsm.core.check.SelfCheck
import tsm.core.check.Tolerances
import tsm.core.check.Vectors
import tsm.core.check.VectorsFile
import tsm.core.session.StreamingSession
import java.io.File
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Compares the core on the real LiteRT with Python on the same machine, bit for bit. */
class BitsTest {
    @Test
    fun `the CPU gives the same bits as Python`() {
        val files = File(System.getProperty("tsm.fresh")).listFiles { file -> file.extension == "json" }!!
        assertEquals(Vectors.folder.listFiles { file -> file.extension == "tflite" }!!.size, files.size)
        for (file in files) {
            val artifact = Artifact.from(Vectors.artifact("${file.nameWithoutExtension}.tflite"))
            val network = ForeignNetwork.open(Path.of(System.getProperty("tsm.litert")), artifact, isGpu = false)
            StreamingSession(artifact.spec, network).use {
                val cases = VectorsFile(file.readText()).stepsCases()
                assertTrue(cases.isNotEmpty())
                for (case in cases) {
                    val found = SelfCheck(case, Tolerances.same).run(it)
                    assertTrue(found.agrees, "${file.name}: ${found.problem}; ${found.float}, ${found.integer}")
                }
            }
        }
    }
}
