"""Writes presets in the format of older versions."""

import hashlib
import json

from tsm_keras.file_hash import file_sha256


def write_format_1(model, path, former_name=lambda name: name):
    """Writes a clip model as a preset of format 1.

    Args:
        model: A clip model that was never compiled.
        path: The folder to write.
        former_name: A function that maps the present name of a layer to its
            former name.
    """
    path.mkdir()
    model.save_weights(path / "model.weights.h5")
    (path / "labels.txt").write_text("")
    config = model.video_config.flat()
    config["shift"] = model.video_config.temporal.shift
    del config["operator"], config["causal"]
    canonical = json.dumps(config, sort_keys=True)
    ranges = getattr(model, "activation_ranges", {})
    description = {
        "format": 1,
        "config": config,
        "config_sha256": hashlib.sha256(canonical.encode()).hexdigest(),
        "weights": {
            former_name(layer.name): [list(x.shape) for x in layer.weights]
            for layer in model.layers
            if layer.weights
        },
        "sha256": {
            name: file_sha256(path / name)
            for name in ("model.weights.h5", "labels.txt")
        },
        "versions": {},
        "provenance": {},
        "activation_ranges": {
            former_name(name): limits for name, limits in ranges.items()
        },
    }
    (path / "config.json").write_text(json.dumps(description))
