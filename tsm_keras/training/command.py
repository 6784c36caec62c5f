"""Trains a preset: tsm train --data=DATA --to=PRESET --shift=causal.

DATA is what `tsm prepare` wrote, or holds DATA/train/CLASS/FILE and
DATA/test/CLASS/FILE.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import flags
from tensorflow import keras

from tsm_keras.data.clip_reader import open_clips
from tsm_keras.data.dataset import make_dataset
from tsm_keras.data.flags import configs_from_flags, define_flags
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import save_preset
from tsm_keras.training.fit import TrainingConfig, fit

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
_define(flags.DEFINE_string, "test_split", "test", "What to test on.")
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
_define(flags.DEFINE_integer, "epochs", _RECIPE.epochs, "Passes.")
_define(flags.DEFINE_integer, "batch_size", _RECIPE.batch_size, "Clips.")
_define(flags.DEFINE_float, "learning_rate", _RECIPE.learning_rate, "Peak.")
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
    recipe = TrainingConfig(
        epochs=FLAGS.epochs,
        batch_size=FLAGS.batch_size,
        learning_rate=FLAGS.learning_rate,
        weight_decay=FLAGS.weight_decay,
        seed=FLAGS.seed,
    )
    settings = _network_settings()
    sampling, augmentation = configs_from_flags(FLAGS)
    # Settings are checked before any video is read.
    VideoClassifierConfig(num_classes=2, **settings)
    training = _open("train")
    test = _open(FLAGS.test_split, label_names=training.label_names)
    config = VideoClassifierConfig(
        num_classes=len(training.label_names),
        labels=training.label_names,
        frame_interval=training.frame_interval(FLAGS.segments),
        **settings,
    )
    keras.utils.set_random_seed(FLAGS.seed)
    model = build_clip_model(config, pretrained=FLAGS.pretrained)
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
    history = fit(model, datasets[0], recipe, validation_data=datasets[1])
    save_preset(
        model,
        target,
        provenance={
            "data": training.name,
            "data_sha256": training.content_hash,
            "recipe": recipe.to_dict(),
            "sampling": dataclasses.asdict(sampling),
            "augmentation": dataclasses.asdict(augmentation),
            "test_top1": history.history["val_top1"][-1],
        },
        overwrite=FLAGS.overwrite,
    )
    print(f"wrote the preset {target}")


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
