"""Measures every model, and writes the table of docs/models.md.

    python -m benchmarks.streaming.model_table --to=docs/models.md
    python -m benchmarks.streaming.model_table --movinet=FOLDER

Each model is a causal network with 27 classes and random weights. It is
exported as a float32 and as an int8 stream, and the steps of all files take
turns in one run, in LiteRT on the CPU. `--movinet` adds the files that
`benchmarks/streaming/movinet_stream.py` wrote. The table replaces the lines
between the two comments of the page `--to`. The exit status is 1 if a bar is
missed.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import re
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags
from ai_edge_litert.interpreter import Interpreter

from benchmarks.timing import print_machine
from tsm_export.tflite.export import export_tflite
from tsm_export.verify.gpu import gpu_environment
from tsm_export.verify.interleave import CLOCKS, interleave
from tsm_export.verify.trial import run_trial
from tsm_keras.keras_version import KERAS_VERSION
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.summary import model_facts
from tsm_live.artifact.file import load_artifact
from tsm_live.runtimes.dry_run import dry_step

FLAGS = flags.FLAGS
flags.DEFINE_string("to", None, "Markdown page with the table to replace.")
flags.DEFINE_list("models", None, "Models of the table; all by default.")
flags.DEFINE_string("movinet", None, "Folder of MoViNets as .tflite files.")
flags.DEFINE_integer("rounds", 50, "Turns of each file.", lower_bound=1)
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")
flags.DEFINE_boolean("gpu", True, "Try the GPU accelerator, which is slow.")

NUM_CLASSES = 27
_REFERENCE = "mobilenet_v2"
_MARKS = ("<!-- table: begin -->", "<!-- table: end -->")
_PAPER, _TIMM = "paper", "timm"


@dataclasses.dataclass(frozen=True)
class Model:
    """A row of the table.

    Attributes:
        backbone: The backbone.
        size: Height and width of a frame, in pixels.
        top1: The published ImageNet top-1 of the plain 2-D network.
        source: Who published it: the paper, or timm's results-imagenet.csv.
    """

    backbone: str
    size: int
    top1: float
    source: str


MODELS = (
    Model("mobilenet_v2", 224, 72.0, _PAPER),
    Model("mobilenet_v3_small", 224, 67.4, _PAPER),
    Model("mobilenet_v3_large", 224, 75.2, _PAPER),
    Model("mobilenet_v4_conv_small", 224, 73.8, _PAPER),
    Model("mobilenet_v4_conv_medium", 256, 79.9, _PAPER),
    Model("efficientnet_lite0", 224, 74.8, _TIMM),
    Model("efficientnet_lite1", 240, 76.7, _TIMM),
    Model("efficientnet_lite2", 260, 77.5, _TIMM),
    Model("efficientnet_lite3", 300, 79.8, _TIMM),
    Model("efficientnet_lite4", 380, 81.5, _TIMM),
    Model("resnet18", 224, 69.8, _TIMM),
    Model("resnet50", 224, 76.2, _TIMM),
)


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine(
        TensorFlow=tf.__version__,
        Keras=KERAS_VERSION,
        LiteRT=importlib.metadata.version("ai-edge-litert"),
    )
    chosen = FLAGS.models or [model.backbone for model in MODELS]
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(model, pathlib.Path(folder))
            for model in MODELS
            if model.backbone in {*chosen, _REFERENCE}
        ]
        steps = {
            (row["name"], quantize): dry_step(
                row[quantize], threads=FLAGS.threads
            )
            for row in rows
            for quantize in ("none", "int8")
        }
        for path in sorted(pathlib.Path(FLAGS.movinet or folder).glob("mov*")):
            rows.append({"name": path.stem, "bytes": path.stat().st_size})
            steps[path.stem, "none"] = movinet_step(path)
        times = interleave(
            steps, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    table = "\n".join(markdown(rows, times))
    print(f"\n{table}\n")
    if FLAGS.to:
        replace_table(pathlib.Path(FLAGS.to), table)
    return 0 if bars_hold(rows, times) else 1


def measure(model, folder):
    """Exports one model; returns what its row shows, and the two files."""
    print(f"exporting {model.backbone}", flush=True)
    network = build_clip_model(
        VideoClassifierConfig(
            num_classes=NUM_CLASSES,
            labels=tuple(f"class {number}" for number in range(NUM_CLASSES)),
            backbone=model.backbone,
            num_segments=8,
            shift="causal",
            image_size=model.size,
        )
    )
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (1, 8, model.size, model.size, 3), np.uint8)
    facts = model_facts(network)
    row = {
        "name": model.backbone,
        "size": model.size,
        "top1": f"{model.top1:.1f} ({model.source})",
        "parameters": facts["trainable"],
        "macs": facts["flops_per_frame"] / 2,
        "caches": sum(facts["cache_elements"]),
    }
    for quantize in ("none", "int8"):
        path = folder / f"{model.backbone}_{quantize}.tflite"
        export_tflite(
            network,
            path,
            quantize=quantize,
            calibration_clips=clips,
            check=lambda path: None,  # Speed does not depend on the weights.
        )
        row[quantize] = path
    row["bytes"] = row["int8"].stat().st_size
    row["gpu"] = on_gpu(row["none"], clips[:, :2]) if FLAGS.gpu else ""
    return row


def on_gpu(path, clips):
    """Returns whether the GPU accelerator takes the whole network."""
    environment = gpu_environment()
    if environment is None:
        return "not tried"
    try:
        run_trial(
            *load_artifact(path),
            clips,
            accelerator="gpu",
            environment=environment,
        )
    except OSError as error:
        print(error)
        return "no"
    return "yes"


def movinet_step(path):
    """Returns a function that runs one step and feeds the states back."""
    interpreter = Interpreter(str(path), num_threads=FLAGS.threads)
    runner = interpreter.get_signature_runner()
    state = {
        name: np.zeros(each["shape"], each["dtype"])
        for name, each in runner.get_input_details().items()
    }

    def step():
        outputs = runner(**state)
        state.update(
            {name: value for name, value in outputs.items() if name in state}
        )

    return step


def markdown(rows, times):
    """Returns the lines of the table."""
    milliseconds = {
        quantize: np.median(times[_REFERENCE, quantize]) * 1e3
        for quantize in ("none", "int8")
    }
    lines = [
        "| model | size | parameters | multiply-adds per frame | "
        "ImageNet top-1 | int8 file | int8 caches | float32 step | "
        "int8 step | GPU |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, steps = row["name"], []
        for quantize in ("none", "int8"):
            found = times.get((name, quantize))
            if found is None:
                steps.append("")
                continue
            ratio = np.median(found / times[_REFERENCE, quantize])
            steps.append(f"{ratio:.2f}")
        if "size" not in row:
            lines.append(
                f"| {name} | | | | | {row['bytes'] / 1e6:.2f} MB (float32) | | "
                f"{steps[0]} | | |"
            )
            continue
        lines.append(
            f"| `{name}` | {row['size']} | {row['parameters'] / 1e6:.2f} M | "
            f"{row['macs'] / 1e9:.3f} G | {row['top1']} | "
            f"{row['bytes'] / 1e6:.2f} MB | {row['caches'] / 1e3:.1f} KB | "
            f"{steps[0]} | {steps[1]} | {row['gpu']} |"
        )
    return [
        *lines,
        "",
        "Steps are ratios to those of MobileNetV2 in the same run, which took "
        f"{milliseconds['none']:.2f} ms in float32 and "
        f"{milliseconds['int8']:.2f} ms in int8, {FLAGS.threads} thread(s), "
        f"{FLAGS.clock} time.",
    ]


def replace_table(page, table):
    """Replaces the lines between the two comments of a page."""
    begin, end = map(re.escape, _MARKS)
    text, count = re.subn(
        f"{begin}.*{end}",
        lambda _: f"{_MARKS[0]}\n{table}\n{_MARKS[1]}",
        page.read_text("utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{page} must have the lines {_MARKS} once.")
    page.write_text(text, "utf-8")


def bars_hold(rows, times):
    """Prints the bars of MobileNetV4-Conv-S; returns whether all are met."""
    name = "mobilenet_v4_conv_small"
    row = next((row for row in rows if row["name"] == name), None)
    if row is None:
        return True
    bars = {
        "int8 file in MB": (row["bytes"] / 1e6, 4.2),
        "int8 caches in KB": (row["caches"] / 1e3, 100),
    }
    a0 = next((key for key in times if key[0].startswith("movinet_a0")), None)
    if a0:
        ratio = float(np.median(times[name, "int8"] / times[a0]))
        bars["int8 step, as a ratio to MoViNet-A0"] = (ratio, 0.6)
    for what, (found, most) in bars.items():
        verdict = "PASS" if found <= most else "FAIL"
        print(f"{name}, {what}: {found:.2f}, at most {most} {verdict}")
    return all(found <= most for found, most in bars.values())


if __name__ == "__main__":
    app.run(main)
