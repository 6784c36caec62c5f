package tsm.core.artifact

private const val FORMAT = 3
private const val MAX_RESIZE = 16 // `resize_size` may be this many times the crop.
private const val CHANNELS = 3
private const val RANK = 4
private val TASKS = listOf(ArtifactSpec.CLASSIFICATION, ArtifactSpec.DETECTION)
private val SECONDS = listOf("average", "min_duration", "cooldown")
private val SCORES = listOf("start_score", "end_score")
private val IMAGE_RULES =
    mapOf(
        "layout" to "NHWC",
        "color" to "RGB",
        "range" to listOf(0L, 255L),
        "orientation" to "upright",
        "resize" to "short_side",
        "shrink" to "area",
        "enlarge" to "bilinear",
        "crop" to "center",
    )

/** Checks the fields of a spec and makes an [ArtifactSpec] of them. */
internal class SpecReader(
    private val fields: Map<*, *>,
) {
    fun read(): ArtifactSpec {
        checkFormat()
        val image = asObject("image", fields["image"])
        for ((name, value) in IMAGE_RULES) {
            expect(sameJson(image[name], value), "image.$name", "$value", image[name])
        }
        val sampling = fields["sampling"]
        expect(sampling == "segments", "sampling", "segments", sampling)
        val kind = fields["kind"]
        expect(kind == ArtifactSpec.STREAM || kind == ArtifactSpec.CLIP, "kind", "stream or clip", kind)
        asInteger("num_segments", fields["num_segments"])
        asText("preset_hash", fields["preset_hash"] ?: "")
        val task = fields["task"] ?: ArtifactSpec.CLASSIFICATION
        expect(task in TASKS, "task", "one of $TASKS", task)
        val isDetector = task == ArtifactSpec.DETECTION
        val inputs = tensors("inputs")
        val outputs = tensors("outputs")
        val size = checkImage(kind as String, inputs)
        checkNames(inputs + outputs)
        checkCaches(inputs, outputs)
        val resize = asInteger("resize_size", image["resize_size"])
        val largest = size.toLong() * MAX_RESIZE
        expect(resize in size..largest, "image.resize_size", "1 to $MAX_RESIZE times $size pixels", resize)
        val crop = image["crop_size"]
        expect(sameJson(crop, size.toLong()), "image.crop_size", "$size, as the image input's shape says", crop)
        val spec =
            ArtifactSpec(
                task as String,
                kind,
                inputs,
                outputs,
                resize,
                asNumber("frame_interval", fields["frame_interval"]),
                decision(),
                if (isDetector) DetectionRule.from(fields["detection"]) else null,
                asText("quantization", fields["quantization"]),
                asText("model_hash", fields["model_hash"]),
            )
        checkHeads(spec)
        spec.detection?.let { DetectionRule.check(it, spec) }
        return spec
    }

    private fun checkFormat() {
        val found = fields["format"]
        val isNewer = found is Number && found.toDouble() > FORMAT
        val hint = if (isNewer) "; a newer version wrote the file, so this reader must be updated" else ""
        expect(sameJson(found, FORMAT.toLong()), "format", "$FORMAT$hint", found)
    }

    private fun tensors(name: String) = asList(name, fields[name]).map { TensorSpec.from(it) }

    private fun checkImage(
        kind: String,
        inputs: List<TensorSpec>,
    ): Int {
        val role = if (kind == ArtifactSpec.STREAM) TensorSpec.FRAME else TensorSpec.CLIP
        val roles = inputs.map { it.role }
        val isStream = kind == ArtifactSpec.STREAM
        val caches = if (isStream) roles.count { it == TensorSpec.CACHE } else 0
        val valid = if (isStream) roles.count { it == TensorSpec.VALID } else 0
        val holds = roles.count { it == role } == 1 && roles.size == 1 + caches + valid && valid <= 1
        expect(holds, "inputs", "one `$role` and, for a stream, caches and at most one `valid`", roles)
        val frame = inputs.first { it.role == role }
        val shape = frame.shape
        val isImage = shape.size == RANK && shape[1] == shape[2] && shape[RANK - 1] == CHANNELS
        expect(isImage, "shape` of `${frame.name}", "[N, S, S, 3]", shape)
        return shape[1]
    }

    private fun checkNames(tensors: List<TensorSpec>) {
        val names = tensors.map { it.name }
        expect(names.toSet().size == names.size, "name", "different for every tensor", names)
    }

    private fun checkCaches(
        inputs: List<TensorSpec>,
        outputs: List<TensorSpec>,
    ) {
        val fresh = outputs.filter { it.role == TensorSpec.CACHE_OUT }.associateBy { it.name }
        val caches = inputs.filter { it.role == TensorSpec.CACHE }
        val feeds = caches.map { it.fedBy }
        val holds = feeds.sorted() == fresh.keys.sorted()
        expect(holds, "fed_by", "each output with the role `cache_out` once, ${fresh.keys}", feeds)
        for (cache in caches) {
            val output = fresh.getValue(cache.fedBy)
            expect(output.storesLike(cache), cache.fedBy, "like the cache that it feeds, $cache", output)
        }
    }

    private fun checkHeads(spec: ArtifactSpec) {
        expect(
            spec.heads.isNotEmpty() || spec.detection != null,
            "outputs",
            "at least one with the role `logits` or `probabilities`",
            spec.outputs.map { it.role },
        )
        for (head in spec.heads) {
            val shape = listOf(spec.streams, head.labels.size)
            expect(
                head.shape == shape,
                "shape` of `${head.name}",
                "$shape, one number per stream and label",
                head.shape,
            )
        }
        val valid = spec.valid?.shape ?: listOf(spec.streams)
        expect(valid.firstOrNull() == spec.streams, "shape` of `valid", "[${spec.streams}, ...]", valid)
        val delays = spec.results.map { it.late }
        val isLate = if (spec.valid == null) delays.all { it == 0 } else delays.toSet().size <= 1
        expect(isLate, "late", "the same for all results, and 0 without the role `valid`", delays)
    }

    private fun decision(): Map<String, Double> {
        val given = asObject("decision", fields["decision"] ?: emptyMap<String, Any>())
        val numbers = HashMap<String, Double>()
        for (name in SECONDS + SCORES) {
            if (name in given) numbers[name] = asNumber("decision.$name", given[name])
        }
        val start = numbers["start_score"]
        val end = numbers["end_score"] ?: 0.0
        val holds = (start ?: 0.0) <= 1 && end <= (start ?: 1.0)
        expect(holds, "decision", "scores that satisfy 0 <= end_score <= start_score <= 1", given)
        return numbers
    }
}
