"""Converts PyTorch weights to a preset.

tsm import-weights FILE --to=PRESET
tsm import-weights TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50 \
--to=PRESET

The argument is a weights file, or the name of a published checkpoint to
download; `tsm presets` lists these names.
"""

import difflib
import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.files import read_checkpoint
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.checkpoints.inference import ask_for
from tsm_keras.checkpoints.naming.table import SOURCES
from tsm_keras.checkpoints.registry import PUBLISHED, download, find_published
from tsm_keras.command_flags import (
    define_enum,
    define_groups,
    expect_values,
)
from tsm_keras.file_hash import file_sha256
from tsm_keras.models.presets import save_preset

FLAGS = flags.FlagValues()

# Flags for fields of the config and for the data set: flag, field, kind, help.
_FIELDS = (
    ("backbone", "backbone", flags.DEFINE_string, "Name of the backbone."),
    (
        "width",
        "width",
        flags.DEFINE_float,
        "Channel multiplier of MobileNetV2.",
    ),
    ("classes", "num_classes", flags.DEFINE_integer, "Number of classes."),
    (
        "shift",
        "shift",
        flags.DEFINE_string,
        "Temporal shift: bidirectional, causal (can stream) or none.",
    ),
    (
        "shift_div",
        "shift_div",
        flags.DEFINE_integer,
        "Each shifted group of channels is 1/shift_div of all channels.",
    ),
    (
        "placement",
        "placement",
        flags.DEFINE_string,
        "Input that is shifted: that of the residual branch only (residual), "
        "or that of the identity path too (inplace).",
    ),
    (
        "non_local",
        "non_local",
        flags.DEFINE_boolean,
        "Confirms that the non-local blocks are of mode embedded_gaussian.",
    ),
    ("segments", "num_segments", flags.DEFINE_integer, "Frames per clip."),
    (
        "size",
        "image_size",
        flags.DEFINE_integer,
        "Height and width of the input, in pixels.",
    ),
    (
        "frame_interval",
        "frame_interval",
        flags.DEFINE_float,
        "Seconds between two frames of the clips that it was trained on.",
    ),
    (
        "dataset",
        "dataset",
        flags.DEFINE_string,
        "Name of the data set that the weights were trained on.",
    ),
)

_BOOLEAN = flags.DEFINE_boolean
define_groups(
    FLAGS,
    __name__,
    {
        "output": (
            ("to", flags.DEFINE_string, None, "Preset folder to write."),
            ("overwrite", _BOOLEAN, False, "Replace the preset at --to."),
            ("tensors", _BOOLEAN, False, "Print one line per tensor."),
        ),
        "weights": (
            (
                "source",
                define_enum,
                "auto",
                "Project that named the weights; auto recognizes it.",
                {"enum_values": SOURCES},
            ),
            (
                "labels",
                flags.DEFINE_string,
                None,
                "File with the class names, one per line, in the order of the "
                "logits.",
            ),
            (
                "force",
                _BOOLEAN,
                False,
                "Load the weights even if the shift differs from that of their "
                "training. The network must then be trained further.",
            ),
        ),
        "network": tuple(
            (name, kind, None, f"{text} (default: inferred from the file)")
            for name, _, kind, text in _FIELDS
        ),
    },
)


def main(arguments: Sequence[str]) -> None:
    """Imports one checkpoint and writes its preset.

    Raises:
        flags.Error: If there is not exactly one argument, or a required flag
            is missing.
        ValueError, OSError, ImportError: If the file cannot be read or does
            not fit; nothing is written then.
    """
    if len(arguments) != 1:
        raise flags.Error(
            "expected one FILE: tsm import-weights FILE --to=PRESET"
        )
    expect_values(FLAGS, "to")
    if pathlib.Path(FLAGS.to).exists() and not FLAGS.overwrite:
        raise FileExistsError(
            f"{FLAGS.to} exists. Choose another folder or add --overwrite."
        )
    asked = {
        field: FLAGS[flag].value
        for flag, field, _, _ in _FIELDS
        if FLAGS[flag].value is not None
    }
    if FLAGS.labels:
        asked["labels"] = _read_labels(FLAGS.labels)
    path, published = pathlib.Path(arguments[0]), None
    if not path.exists():
        published = _find_published(arguments[0])
        # Ask for missing values before the long download.
        ask_for([field for field in published.unstated if field not in asked])
        print(f"downloading {published.url}", flush=True)
        path = download(published)
    try:
        checkpoint = read_checkpoint(path)
    except CheckpointError as error:
        if published is None:
            raise
        raise CheckpointError(
            f"{error}. To download it again, delete {path}"
        ) from error
    model, report = import_state_dict(
        checkpoint.tensors,
        source=FLAGS.source,
        name=path.name,
        metadata=checkpoint.metadata,
        force=FLAGS.force,
        **asked,
    )
    print(report.to_text(every_tensor=FLAGS.tensors))
    config = model.video_config
    for name, reason in checkpoint.ignored.items():
        print(f"ignored {name}: {reason}")
    save_preset(
        model,
        FLAGS.to,
        provenance={
            "imported_from": path.name,
            "sha256": file_sha256(path),
            "source": report.facts[0].value,
            "dataset": report.dataset,
            "trained_shift": report.forced_shift or config.temporal.shift,
        },
        overwrite=FLAGS.overwrite,
    )
    print(f"\nwrote {FLAGS.to}")
    if not config.head.labels:
        print(
            "The preset has no class names, which an export needs. Import it "
            "again with --labels=FILE."
        )


def _find_published(name):
    published = find_published(name)
    if published:
        return published
    names = [checkpoint.name for checkpoint in PUBLISHED]
    close = difflib.get_close_matches(pathlib.Path(name).name, names, n=1)
    hint = f"; did you mean {close[0]}" if close else ""
    raise FileNotFoundError(
        f"There is no file {name}, and no published checkpoint with that name "
        f"(tsm presets lists them){hint}."
    )


def _read_labels(path):
    try:
        text = pathlib.Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
