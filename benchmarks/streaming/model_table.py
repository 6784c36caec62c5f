"""Measures every model, and writes the table of docs/models.md.

    python -m benchmarks.streaming.model_table --to=docs/models.md
    python -m benchmarks.streaming.model_table --movinet=FOLDER

Each model is a causal network with 27 classes and random weights. It is
exported as a float32 and as an int8 stream, and the steps of all files take
turns in one run, in LiteRT on the CPU. `--movinet` adds the files that
`benchmarks/streaming/movinet_stream.py` wrote. The table replaces the lines
between the two comments of the page `--to`. With `--files=FOLDER`, a run that
was interrupted goes on with the models that are missing there. The exit status
is 1 if a bar is missed.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from absl import app, flags
from ai_edge_litert.interpreter import Interpreter

from benchmarks.streaming.model_page import markdown, replace_table
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
flags.DEFINE_string(
    "files", None, "Folder in which to keep the exported files."
)
flags.DEFINE_integer("rounds", 50, "Turns of each file.", lower_bound=1)
flags.DEFINE_integer("threads", 1, "Threads of each interpreter.")
flags.DEFINE_enum("clock", "wall", list(CLOCKS), "Clock to measure with.")
flags.DEFINE_boolean("gpu", True, "Try the GPU accelerator, which is slow.")

DTYPES = {"float32": "none", "int8": "int8"}
NUM_CLASSES = 27
_REFERENCE = "mobilenet_v2"
_GPU_SIZE = 64
_FRAMES = 2  # Of the clip for calibration; speed does not depend on it.
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
    known = [model.backbone for model in MODELS]
    chosen = FLAGS.models or known
    if not {*chosen} <= {*known}:
        raise app.UsageError(
            f"--models must be some of {known}. Received: {chosen}"
        )
    movinets = sorted(pathlib.Path(FLAGS.movinet or "").glob("*_int8.tflite"))
    if FLAGS.movinet and not movinets:
        raise app.UsageError(f"There is no *_int8.tflite in {FLAGS.movinet}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(FLAGS.files or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            measure(model, folder)
            for model in MODELS
            if model.backbone in {*chosen, _REFERENCE}
        ]
        steps = {
            (row["name"], dtype): dry_step(
                folder / f"{row['name']}_{dtype}.tflite", threads=FLAGS.threads
            )
            for row in rows
            for dtype in DTYPES
        }
        for path in movinets if FLAGS.movinet else ():
            rows.append(movinet_row(path))
            for dtype in DTYPES:
                file = path.with_name(path.name.replace("int8", dtype))
                steps[rows[-1]["name"], dtype] = movinet_step(file)
        times = interleave(
            steps, rounds=FLAGS.rounds, untimed_calls=1, clock=FLAGS.clock
        )
    conditions = f"{FLAGS.threads} thread(s), {FLAGS.clock} time"
    table = "\n".join(markdown(rows, times, _REFERENCE, conditions))
    print(f"\n{table}\n")
    if FLAGS.to:
        replace_table(pathlib.Path(FLAGS.to), table)
    return 0 if bars_hold(rows, times) else 1


def measure(model, folder):
    """Exports one model to `folder`; returns what its row shows."""
    known = folder / f"{model.backbone}.json"
    row = json.loads(known.read_text("utf-8")) if known.exists() else {}
    if row and ("gpu" in row or not FLAGS.gpu):
        return row
    print(f"building {model.backbone}", flush=True)
    network = build(model)
    if not row:
        row = export(model, network, folder)
    if FLAGS.gpu:
        row["gpu"] = on_gpu(network)
    known.write_text(json.dumps(row), "utf-8")
    return row


def build(model):
    """Returns the causal network of a row, with random weights."""
    return build_clip_model(
        VideoClassifierConfig(
            num_classes=NUM_CLASSES,
            labels=tuple(f"class {number}" for number in range(NUM_CLASSES)),
            backbone=model.backbone,
            num_segments=_FRAMES,
            shift="causal",
            image_size=model.size,
        )
    )


def export(model, network, folder):
    """Writes the files of a network; returns its row without the GPU."""
    for dtype, quantize in DTYPES.items():
        path = folder / f"{model.backbone}_{dtype}.tflite"
        write_stream(network, path, quantize, model.size)
    facts = model_facts(network)
    int8 = folder / f"{model.backbone}_int8.tflite"
    return {
        "name": model.backbone,
        "size": model.size,
        "top1": f"{model.top1:.1f} ({model.source})",
        "parameters": facts["trainable"],
        "macs": facts["flops_per_frame"] / 2,
        "caches": sum(facts["cache_elements"]),
        "bytes": int8.stat().st_size,
    }


def write_stream(network, path, quantize, size):
    """Exports a network that streams; returns random frames for a trial."""
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (1, _FRAMES, size, size, 3), np.uint8)
    export_tflite(
        network,
        path,
        quantize=quantize,
        image_size=size,
        calibration_clips=clips,
        check=lambda path: None,  # Speed does not depend on the weights.
    )
    return clips


def on_gpu(network):
    """Returns whether the GPU accelerator takes the whole network.

    The frames are small, because Vulkan in software is slow.
    """
    environment = gpu_environment()
    if environment is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "gpu.tflite"
        for quantize in DTYPES.values():
            clips = write_stream(network, path, quantize, _GPU_SIZE)
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


def movinet_row(path):
    """Returns what the table shows of a MoViNet, from its int8 file."""
    return {
        "name": path.stem.removesuffix("_int8"),
        "bytes": path.stat().st_size,
        "caches": sum(
            np.prod(each["shape"]) * np.dtype(each["dtype"]).itemsize
            for name, each in _inputs(path).items()
            if name != "image"
        ),
    }


def _inputs(path):
    return Interpreter(str(path)).get_signature_runner().get_input_details()


def movinet_step(path):
    """Returns a function that runs one step and feeds the states back."""
    interpreter = Interpreter(str(path), num_threads=FLAGS.threads)
    runner = interpreter.get_signature_runner()
    state = {
        name: np.zeros(each["shape"], each["dtype"])
        for name, each in runner.get_input_details().items()
    }
    rng = np.random.default_rng(0)
    state["image"] = rng.random(state["image"].shape, np.float32)

    def step():
        outputs = runner(**state)
        state.update(
            {name: value for name, value in outputs.items() if name in state}
        )

    return step


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
    for key in times:
        if key[0].startswith("movinet_a0"):
            ratio = float(np.median(times[name, "int8"] / times[key]))
            bars[f"int8 step, as a ratio to {' '.join(key)}"] = (ratio, 0.6)
    for what, (found, most) in bars.items():
        verdict = "PASS" if found <= most else "FAIL"
        print(f"{name}, {what}: {found:.2f}, at most {most} {verdict}")
    return all(found <= most for found, most in bars.values())


if __name__ == "__main__":
    app.run(main)
