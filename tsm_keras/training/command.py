"""Trains a preset.

tsm train --data=DATA --to=PRESET --shift=causal
tsm train --data=DATA --to=PRESET_FOR_INT8 --qat --init=PRESET

DATA is what `tsm prepare` wrote, or holds DATA/train/CLASS/FILE and
DATA/test/CLASS/FILE (or DATA/val/CLASS/FILE).
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import flags
from tensorflow import keras

from tsm_keras.data.clip_reader import open_clips
from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.flags import configs_from_flags, define_flags
from tsm_keras.data.prepared import is_prepared, open_prepared
from tsm_keras.data.sampling import dense_stride
from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset, preset_hash, save_preset
from tsm_keras.tf_keras_process import run_in_tf_keras
from tsm_keras.training.fit import TrainingConfig, fit
from tsm_keras.training.quantization_aware import fit_quantization_aware

FLAGS = flags.FlagValues()
_NETWORK = VideoClassifierConfig(num_classes=2)
_RECIPE = TrainingConfig()


def _define(kind, name, default, text):
    return kind(name, default, text, flag_values=FLAGS)


_define(
    flags.DEFINE_string,
    "data",
    None,
    "Prepared data set, or folder with train/ and test/.",
)
_define(
    flags.DEFINE_string,
    "test_split",
    None,
    "What to test on. (default: test, or val where there is no test)",
)
_define(
    flags.DEFINE_float,
    "max_bad_fraction",
    0.0,
    "Share of a folder's videos that may be unreadable; they are left out.",
)
_define(flags.DEFINE_string, "to", None, "Preset folder to write.")
_define(flags.DEFINE_boolean, "overwrite", False, "Replace that preset.")
_define(flags.DEFINE_string, "backbone", _NETWORK.backbone, "Network.")
_define(flags.DEFINE_float, "width", _NETWORK.width, "Of MobileNetV2.")
_define(flags.DEFINE_integer, "size", _NETWORK.image_size, "Pixels a side.")
_define(flags.DEFINE_integer, "segments", _NETWORK.num_segments, "Frames.")
_define(
    flags.DEFINE_string,
    "shift",
    _NETWORK.shift,
    "bidirectional, causal (can stream) or none.",
)
_define(flags.DEFINE_integer, "shift_div", _NETWORK.shift_div, "1/fraction.")
_define(flags.DEFINE_string, "placement", _NETWORK.placement, "Of the shift.")
_define(flags.DEFINE_float, "dropout", _NETWORK.dropout, "Rate.")
_define(flags.DEFINE_string, "pretrained", None, "imagenet, or nothing.")
_define(
    flags.DEFINE_string,
    "init",
    None,
    "Preset to start from, whose network and classes it keeps.",
)
_define(
    flags.DEFINE_boolean,
    "qat",
    False,
    "Train --init with int8's roundings, for tsm export --quantize=int8_qat.",
)
_define(flags.DEFINE_integer, "epochs", _RECIPE.epochs, "Passes.")
_define(flags.DEFINE_integer, "batch_size", _RECIPE.batch_size, "Clips.")
_define(
    flags.DEFINE_float,
    "learning_rate",
    None,
    f"Peak. (default: {_RECIPE.learning_rate}; with --init a tenth of it)",
)
_define(flags.DEFINE_float, "weight_decay", _RECIPE.weight_decay, "AdamW's.")
_define(flags.DEFINE_integer, "seed", _RECIPE.seed, "Of everything drawn.")
_define(
    flags.DEFINE_boolean,
    "cache",
    False,
    "Keep the data in memory: decoded frames of videos (small sets), JPEG "
    "frames of a prepared data set.",
)
define_flags(FLAGS, __name__)
_NETWORK_FLAGS = (
    *("backbone", "width", "size", "segments", "shift", "shift_div"),
    *("placement", "dropout", "pretrained"),
)
flags.mark_flags_as_required(["data", "to"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> None:
    """Trains, and writes the preset.

    Raises:
        flags.Error: If there are arguments that are no flags.
        ValueError, OSError: If the data or a setting is wrong; nothing is
            written then.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    target = pathlib.Path(FLAGS.to)
    if target.exists() and not FLAGS.overwrite:
        raise FileExistsError(
            f"{target} exists: choose another folder, or add --overwrite."
        )
    recipe = _recipe()
    settings = _network_settings()
    sampling, augmentation = configs_from_flags(FLAGS)
    # Settings are checked before any video is read.
    VideoClassifierConfig(num_classes=2, **settings)
    start = _start()
    if FLAGS.qat and KERAS_3:
        given = [FLAGS[name].serialize() for name in FLAGS if _is_given(name)]
        run_in_tf_keras(f"{__name__}:_train", given)
        return
    test_split = _test_split()
    training = _open(
        "train", label_names=start.video_config.labels if start else None
    )
    test = _open(test_split, label_names=training.label_names)
    keras.utils.set_random_seed(FLAGS.seed)
    model = start or build_clip_model(
        VideoClassifierConfig(
            num_classes=len(training.label_names),
            labels=training.label_names,
            frame_interval=_frame_interval(training, sampling),
            **settings,
        ),
        pretrained=FLAGS.pretrained,
    )
    # With ImageNet weights the model's config is not the one asked for.
    datasets = [
        make_dataset(
            clips,
            model.video_config,
            batch_size=FLAGS.batch_size,
            training=clips is training,
            seed=FLAGS.seed,
            sampling=sampling,
            augmentation=augmentation,
        )
        for clips in (training, test)
    ]
    model.activation_ranges = {}  # Those of --init are of other weights.
    train = fit_quantization_aware if FLAGS.qat else fit
    history = train(model, datasets[0], recipe, validation_data=datasets[1])
    save_preset(
        model,
        target,
        provenance={
            "data": training.name,
            "data_sha256": training.content_hash,
            "recipe": recipe.to_dict(),
            "sampling": dataclasses.asdict(sampling),
            "augmentation": dataclasses.asdict(augmentation),
            "init": preset_hash(FLAGS.init) if FLAGS.init else "",
            "quantization_aware": FLAGS.qat,
            "test_top1": history.history["val_top1"][-1],
        },
        overwrite=FLAGS.overwrite,
    )
    print(f"wrote the preset {target}")


def _train(flag_values: list[str]) -> None:
    main(FLAGS(["tsm train", *flag_values])[1:])


def _recipe():
    rate = FLAGS.learning_rate
    if rate is None:
        rate = _RECIPE.learning_rate / (10 if FLAGS.init else 1)
    return TrainingConfig(
        epochs=FLAGS.epochs,
        batch_size=FLAGS.batch_size,
        learning_rate=rate,
        weight_decay=FLAGS.weight_decay,
        seed=FLAGS.seed,
    )


def _start():
    """Returns the model of --init, None without."""
    if not FLAGS.init:
        if FLAGS.qat:
            raise ValueError(
                "--qat fine-tunes a trained network: add --init=PRESET."
            )
        return None
    if given := [name for name in _NETWORK_FLAGS if _is_given(name)]:
        raise ValueError(
            "With --init the network is that of the preset: leave out "
            f"{', '.join(f'--{name}' for name in given)}."
        )
    return load_preset(FLAGS.init)


def _is_given(name):
    return FLAGS[name].present > 0


def _test_split():
    """Returns the split to test on, where it and train are there."""
    path = pathlib.Path(FLAGS.data)
    if is_prepared(path):
        splits = open_prepared(path).splits
        there = [name for name, split in splits.items() if split.clips]
    elif path.is_dir():
        there = sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    else:
        raise FileNotFoundError(f"The data folder {path} does not exist.")
    wanted = [FLAGS.test_split] if FLAGS.test_split else ["test", "val"]
    found = next((split for split in wanted if split in there), None)
    if "train" not in there or found is None:
        # Else both would be the whole folder, and the test one of memory.
        raise ValueError(
            f"`data` must have clips to train on and others to test on: {path}/"
            f"train/CLASS/FILE and {path}/{wanted[0]}/CLASS/FILE, or what `tsm "
            "prepare` wrote, which can draw such splits. "
            f"Received: a folder of {there[:10]}"
        )
    print(f"testing on the split {found}")
    return found


def _frame_interval(clips, sampling):
    """Returns the seconds between two frames of a clip, 0 if unknown."""
    if sampling.method != "dense":
        return clips.frame_interval(FLAGS.segments)
    stride = dense_stride(FLAGS.segments, sampling.window)
    return round(stride / clips.frame_rate, 4) if clips.frame_rate else 0.0


def _open(split, **options):
    return open_clips(
        FLAGS.data,
        split,
        max_bad_fraction=FLAGS.max_bad_fraction,
        cache=FLAGS.cache,
        verbose=True,
        **options,
    )


def _network_settings():
    return {
        "backbone": FLAGS.backbone,
        "width": FLAGS.width,
        "image_size": FLAGS.size,
        "num_segments": FLAGS.segments,
        "shift": FLAGS.shift,
        "shift_div": FLAGS.shift_div,
        "placement": FLAGS.placement,
        "dropout": FLAGS.dropout,
    }
