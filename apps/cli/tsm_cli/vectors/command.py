"""Writes test vectors for an artifact: `tsm vectors FILE`.

A runtime in another language that reads the artifact must reproduce them; see
docs/vectors.md. They are computed by LiteRT or ONNX Runtime on the CPU.
"""

import os
import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_cli.vectors.artifact_cases import artifact_cases
from tsm_cli.vectors.vectors_file import write_vectors
from tsm_live.artifact.file import load_artifact
from tsm_live.artifact.spec import ArtifactError
from tsm_live.runtimes.open_network import open_network

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "to",
    None,
    "The file to write (default: beside FILE, with the suffix .vectors.json).",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "steps",
    8,
    "The number of steps of the network whose outputs and caches are written.",
    lower_bound=6,
    flag_values=FLAGS,
)


def main(arguments: Sequence[str]) -> None:
    """Writes the vectors of one artifact.

    Raises:
        flags.Error: If the number of arguments is not one.
        ValueError, OSError: If FILE is not an artifact for streams.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one FILE: tsm vectors FILE")
    path = pathlib.Path(arguments[0])
    spec, model = load_artifact(path)
    if spec.kind != "stream":
        raise ArtifactError(
            "Test vectors are made for streams. Received: an artifact of kind "
            f"{spec.kind!r}"
        )
    to = pathlib.Path(FLAGS.to or path.with_suffix(".vectors.json"))
    artifact = pathlib.Path(os.path.relpath(path, to.parent)).as_posix()
    network = open_network(path, spec, model)
    cases = artifact_cases(artifact, spec, network, FLAGS.steps)
    write_vectors(to, cases)
    kinds = ", ".join(dict.fromkeys(case["kind"] for case in cases))
    print(f"{to}: {kinds} ({to.stat().st_size / 1e6:.2f} MB)")
