"""Networks: config, backbones, clip and streaming models, presets."""
