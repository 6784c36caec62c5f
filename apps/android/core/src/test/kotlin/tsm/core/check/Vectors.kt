package tsm.core.check

import tsm.core.artifact.Numbers
import tsm.core.artifact.parseJson
import java.io.File

/** The test vectors of the project, which are shared by all runtimes. */
object Vectors {
    val folder = File(System.getProperty("tsm.vectors") ?: "../../vectors")
    val file = VectorsFile(folder.resolve("vectors.json").readText())

    /** Runs a test for each case of a kind, and fails if there is none. */
    fun forEach(
        kind: String,
        test: (Map<*, *>) -> Unit,
    ) {
        val cases = file.cases.filter { it["kind"] == kind }
        check(cases.isNotEmpty()) { "There are no cases of the kind $kind." }
        for (case in cases) {
            try {
                test(case)
            } catch (error: Throwable) {
                throw AssertionError("${case["name"]}: ${error.message}", error)
            }
        }
    }

    private val tolerances =
        (
            parseJson(
                folder.resolve("vectors.json").readText(),
            ) as Map<*, *>
        )["tolerances"] as Map<*, *>

    fun level(name: String): Double = (tolerances[name] as Number).toDouble()

    fun eventScores(backend: String): Double = ((tolerances[backend] as Map<*, *>)["event_scores"] as Number).toDouble()

    fun boxCells(backend: String): Double = ((tolerances[backend] as Map<*, *>)["box_cells"] as Number).toDouble()

    fun artifact(name: Any?): ByteArray = folder.resolve(name as String).readBytes()

    fun floats(value: Any?): FloatArray = (vectorNumbers(value) as Numbers.Floats).values

    fun numbers(value: Any?): List<Double> = (value as List<*>).map { (it as Number).toDouble() }

    fun shape(value: Any?): List<Int> = ((value as Map<*, *>)["shape"] as List<*>).map { (it as Long).toInt() }

    /** Returns the largest difference between two pictures, in levels of 255. */
    fun levelsApart(
        one: ByteArray,
        other: ByteArray,
    ): Int {
        check(one.size == other.size) { "${one.size} bytes, not ${other.size}" }
        return one.indices.maxOf { kotlin.math.abs((one[it].toInt() and 0xff) - (other[it].toInt() and 0xff)) }
    }
}

fun Map<*, *>.int(name: String): Int = (this[name] as Long).toInt()
