"""Turns PyTorch weights into a preset: FILE, or the name of a published one.

tsm import-weights FILE --to=PRESET
tsm import-weights TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50 \
--to=PRESET   (`tsm presets` lists the names)
"""

import difflib
import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.files import read_checkpoint
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.checkpoints.inference import SOURCES, ask_for
from tsm_keras.checkpoints.registry import PUBLISHED, download, find_published
from tsm_keras.command_flags import expect_values
from tsm_keras.file_hash import file_sha256
from tsm_keras.models.presets import save_preset

FLAGS = flags.FlagValues()

# The flags that set a field of the config, or the data set: flag, field, kind.
_FIELDS = (
    ("backbone", "backbone", flags.DEFINE_string, "Network."),
    ("width", "width", flags.DEFINE_float, "Of MobileNetV2."),
    ("classes", "num_classes", flags.DEFINE_integer, "For a new classifier."),
    (
        "shift",
        "shift",
        flags.DEFINE_string,
        "bidirectional, causal (can stream) or none.",
    ),
    ("shift_div", "shift_div", flags.DEFINE_integer, "1/fraction."),
    ("placement", "placement", flags.DEFINE_string, "residual or inplace."),
    (
        "non_local",
        "non_local",
        flags.DEFINE_boolean,
        "Its non-local blocks are of mode embedded_gaussian.",
    ),
    ("segments", "num_segments", flags.DEFINE_integer, "Frames a clip."),
    ("size", "image_size", flags.DEFINE_integer, "Pixels a side."),
    (
        "frame_interval",
        "frame_interval",
        flags.DEFINE_float,
        "Seconds between frames that it was trained for.",
    ),
    ("dataset", "dataset", flags.DEFINE_string, "What it was trained on."),
)

flags.DEFINE_string("to", None, "Preset folder to write.", flag_values=FLAGS)
flags.DEFINE_boolean(
    "overwrite", False, "Replace that preset.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "source",
    "auto",
    SOURCES,
    f"Whose names the weights have: {', '.join(SOURCES)}.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "labels",
    None,
    "File with the class names, one a line, in the order of the logits.",
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "force",
    False,
    "Load weights into a network with another shift, to be trained.",
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "tensors", False, "Print what became of each tensor.", flag_values=FLAGS
)
for _flag, _, _define, _text in _FIELDS:
    _define(
        _flag,
        None,
        f"{_text} Default: as inferred.",
        flag_values=FLAGS,
    )


def main(arguments: Sequence[str]) -> None:
    """Imports, and writes the preset.

    Raises:
        flags.Error: If there is not one argument.
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
            f"{FLAGS.to} exists: choose another folder, or add --overwrite."
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
        # Before the download, which takes its time.
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
            "trained_shift": report.forced_shift or model.video_config.shift,
        },
        overwrite=FLAGS.overwrite,
    )
    print(f"\nwrote {FLAGS.to}")
    if not model.video_config.labels:
        print(
            "It has no class names, which an export needs: import it again "
            "with --labels=FILE."
        )


def _find_published(name):
    published = find_published(name)
    if published:
        return published
    names = [checkpoint.name for checkpoint in PUBLISHED]
    close = difflib.get_close_matches(pathlib.Path(name).name, names, n=1)
    hint = f"; did you mean {close[0]}" if close else ""
    raise FileNotFoundError(
        f"There is no file {name}, and no published checkpoint of that name "
        f"(tsm presets lists them){hint}."
    )


def _read_labels(path):
    try:
        text = pathlib.Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error}") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
