"""Checks that no file and no frame crashes a process with `tsm_live`.

    python benchmarks/fuzz_live.py

Opens thousands of mutated artifacts in child processes, runs those that open,
and gives frames of all shapes and dtypes to a valid session. Mutations change
bytes, words, single fields of the flatbuffer, constants, shapes, scales,
operands or the spec, or they cut and splice files. Most mutated files have a
correct hash, so that they get as far as possible. Half of the artifacts are
MobileNetV2, half a tiny network with a few of nearly every operator, so that
every operator is mutated often. The outcomes are printed. The exit status is 1
if a process died, if an undocumented error was raised, or if a refused frame
changed the state of a stream.

Ten thousand cases took ten minutes on two busy cores.
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from mobilenet_artifact import mobilenet_artifact
from testing.every_operator import write_every_operator
from testing.fuzzing import fuzz
from timing import print_machine

FLAGS = flags.FLAGS
flags.DEFINE_integer("cases", 10_000, "Number of cases.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of the first case.", lower_bound=0)


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for quantize in ("none", "float16", "dynamic", "int8"):
            write_every_operator(folder / f"every_{quantize}.tflite", quantize)
        for quantize, streams in (
            ("none", 1),
            ("float16", 1),
            ("int8", 1),
            ("int8", 2),
        ):
            mobilenet_artifact(
                folder,
                quantize=quantize,
                streams=streams,
                image_size=64,
                width=0.35,
            )
        found = fuzz(folder, FLAGS.seed, FLAGS.cases)
    for outcome, count in sorted(found.counts.items()):
        print(f"{outcome:24}{count:6}")
    for text in (*found.deaths, *found.errors):
        print(text)
    print(
        f"{FLAGS.cases} cases: {len(found.deaths)} processes died, "
        f"{len(found.errors)} wrong errors"
    )
    return 1 if found.deaths or found.errors else 0


if __name__ == "__main__":
    app.run(main)
