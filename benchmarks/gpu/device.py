"""Compares artifacts on a GPU with the CPU: their outputs and their speed.

    python -m benchmarks.gpu.device --folder=FOLDER --to=RESULTS

takes the files that `benchmarks.gpu.prepare` wrote. It does not need
TensorFlow, only a checkout (`PYTHONPATH=apps/live:export`), LiteRT, OpenCV,
absl and a Vulkan loader. Each part runs in a process of its own, because a
driver may end the process:

- agreement: 200 frames streamed in float32 and in LiteRT's default compute
  (float16 where the driver has it), with caches swapped on the device or
  copied through the host, against the CPU; a reset;
- times: a step on the GPU and on this machine's CPU, in turns;
- streams: several streams in one batch, one of which stands still;
- clip: clip artifacts, in both computes;
- soak: 5,000 steps on end.

`RESULTS/results.json` holds all figures and grows part by part; `log.txt` holds
what the processes printed. The benchmark takes about ten minutes on an NVIDIA
H200. The exit status is 1 if there is no GPU: the figures of a software
rasteriser are reported only with `--allow_software`.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time

from absl import app, flags

from benchmarks.timing import print_machine
from tsm_live.artifact.file import read_spec

PARTS = ("agreement", "times", "streams", "clip", "soak")

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "folder",
    None,
    "The folder that `benchmarks.gpu.prepare` wrote.",
    required=True,
)
flags.DEFINE_string("to", None, "The folder of the results.", required=True)
flags.DEFINE_boolean(
    "allow_software", False, "Report a software rasteriser too."
)
flags.DEFINE_integer(
    "steps", 200, "The number of frames to compare.", lower_bound=10
)
flags.DEFINE_integer(
    "soak_steps", 5000, "The number of steps of a soak.", lower_bound=20
)
flags.DEFINE_float(
    "seconds", 8.0, "How long to time each artifact, in seconds."
)
flags.DEFINE_multi_integer(
    "threads", [1, 4, 8], "Numbers of threads to time the CPU with."
)
flags.DEFINE_multi_enum("part", PARTS, PARTS, "The parts to run.")
flags.DEFINE_float("patience", 150.0, "Seconds after which a part is ended.")
flags.DEFINE_float("limit", 3600.0, "Seconds after which no part begins.")


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    start = time.monotonic()
    litert = importlib.metadata.version("ai-edge-litert")
    print_machine(LiteRT=litert)
    devices = json.loads(_python("benchmarks.gpu.vulkan").stdout or "[]")
    names = [f"{device['name']} ({device['type']})" for device in devices]
    print(f"Vulkan: {devices}")
    if not devices:
        return refuse("a device that Vulkan's loader finds", "no device")
    is_software = all(device["type"] == "CPU" for device in devices)
    if is_software and not FLAGS.allow_software:
        return refuse("a GPU, or `--allow_software`", ", ".join(names))
    planned = parts(pathlib.Path(FLAGS.folder))
    if not planned:
        return refuse("a folder with artifacts", FLAGS.folder)
    folder = pathlib.Path(FLAGS.to)
    folder.mkdir(parents=True, exist_ok=True)
    report = {"devices": devices, "LiteRT": litert, "results": []}
    for part, path, options in planned:
        result = {"error": f"not begun within {FLAGS.limit} s"}
        began = time.monotonic()
        if began - start < FLAGS.limit:
            result = run_part(part, path, options, folder / "log.txt")
        seconds = time.monotonic() - began
        report["results"].append(
            {
                "part": part,
                "artifact": path.stem,
                **{k: v for k, v in options.items() if k in _SHOWN},
                **result,
                "seconds": seconds,
            }
        )
        written = folder / ".results.json.part"
        written.write_text(json.dumps(report, indent=1))
        written.replace(folder / "results.json")
        print(f"{part} {path.stem} {options}: {seconds:.0f} s", flush=True)
    print_tables(report["results"])
    return 0


_SHOWN = ("compute", "caches")


def refuse(expected, received):
    print(
        f"benchmarks.gpu.device: error: {expected} is needed. "
        f"Received: {received}",
        file=sys.stderr,
    )
    return 1


def parts(folder):
    """Returns what to run, the most telling first: part, file, options."""
    specs = {path: read_spec(path) for path in sorted(folder.glob("*.tflite"))}
    single = [
        path
        for path, spec in specs.items()
        if (spec.kind, spec.streams) == ("stream", 1)
    ]
    several = [path for path, spec in specs.items() if spec.streams > 1]
    clips = [path for path, spec in specs.items() if spec.kind == "clip"]
    steps = {"steps": FLAGS.steps}
    timing = {"threads": FLAGS.threads, "seconds": FLAGS.seconds}
    few = {"steps": max(10, FLAGS.steps // 10)}
    planned = [
        *(
            ("agreement", path, {"compute": compute, "caches": how, **steps})
            for compute, how in (
                ("float32", "swapped"),
                ("float16", "swapped"),
                ("float32", "copied"),
            )
            for path in single
        ),
        *(("times", path, timing) for path in (*single, *several)),
        *(
            (part, path, {"compute": compute, **count})
            for part, paths, count in (
                ("streams", several, few),
                ("clip", clips, steps),
            )
            for compute in ("float32", "float16")
            for path in paths
        ),
        *(("soak", path, {"steps": FLAGS.soak_steps}) for path in single),
    ]
    return [row for row in planned if row[0] in FLAGS.part]


def run_part(part, path, options, log):
    """Returns what a part found, or `error`."""
    try:
        process = _python(
            "benchmarks.gpu.parts", part, str(path), json.dumps(options)
        )
    except subprocess.TimeoutExpired:
        return {"error": f"did not end within {FLAGS.patience} s"}
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"=== {part} {path.name} {options}\n")
        file.write(process.stdout + process.stderr)
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        return {"error": f"status {process.returncode}: {' '.join(last)}"}
    # LiteRT prints, too.
    lines = process.stdout.splitlines()
    return json.loads(next(x for x in reversed(lines) if x.startswith("{")))


def _python(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=FLAGS.patience,
    )


def print_tables(results):
    """Prints a table per part, with a row per artifact."""
    for part in dict.fromkeys(result["part"] for result in results):
        rows = [
            {key: _text(value) for key, value in result.items()}
            for result in results
            if result["part"] == part
        ]
        keys = dict.fromkeys(key for row in rows for key in row)
        widths = {
            key: max(len(key), *(len(row.get(key, "")) for row in rows))
            for key in keys
        }
        print()
        for row in ({key: key for key in keys}, *rows):
            print("  ".join(row.get(k, "").ljust(widths[k]) for k in keys))


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    app.run(main)
