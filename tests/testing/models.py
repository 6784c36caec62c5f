"""Small random networks with healthy activations, and frames to feed them."""

import contextlib
import functools

import numpy as np
from tensorflow import keras

from testing.numerics import FLOAT64_TOLERANCE, relative_error
from tsm_keras.layers.channelwise_convolution import ChannelwiseConvolution
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig, VideoDetectorConfig
from tsm_keras.models.weights import copy_weights

_EPSILON = float(np.finfo(np.float32).eps)
# Small settings for each backbone; tests add the fields that they test.
SMALL = {
    "mobilenet_v2": {"width": 0.35, "image_size": 64},
    "mobilenet_v3_small": {"image_size": 64},
    "mobilenet_v4_conv_small": {"image_size": 64},
    "efficientnet_lite0": {"image_size": 64},
    "resnet10": {"image_size": 32},  # See `testing.short_resnet`.
    "resnet18": {"image_size": 32},
    "resnet50": {"image_size": 32},
    "x3d": {"operator": "conv3d", "image_size": 32, "depth": 0.4},
}


def small_config(backbone="mobilenet_v2", **fields):
    """Returns the config of a network that is built in a second or two."""
    return VideoClassifierConfig(
        **{
            "num_classes": 7,
            "backbone": backbone,
            "num_segments": 4,
            "shift": "causal",
            **SMALL.get(backbone, {"image_size": 64}),
            **fields,
        }
    )


def small_detector_config(backbone="mobilenet_v2", **fields):
    """Returns the config of a detector that is built in a second or two."""
    return VideoDetectorConfig(
        **{
            "labels": ("ball", "left", "right"),
            "backbone": backbone,
            "num_segments": 4,
            "shift": "causal",
            "pyramid_channels": 16,
            **SMALL.get(backbone, {}),
            "image_size": 64,
            **fields,
        }
    )


@functools.cache
def random_detector(backbone="mobilenet_v2", **fields):
    """Returns a random detector of clips. Shared: do not change it."""
    model = build_clip_model(small_detector_config(backbone, **fields))
    randomize(model, seed=0)
    return model


@functools.cache
def random_clip_model(backbone="mobilenet_v2", **fields):
    """Returns a random clip model with frame logits. Shared: do not change."""
    model = build_clip_model(
        small_config(backbone, **fields), return_frame_logits=True
    )
    randomize(model, seed=0)
    return model


@contextlib.contextmanager
def float64():
    """Makes layers that are built inside the block compute in float64."""
    floatx = keras.backend.floatx()
    policy = keras.mixed_precision.global_policy()
    keras.backend.set_floatx("float64")
    keras.mixed_precision.set_global_policy("float64")
    try:
        yield
    finally:
        keras.backend.set_floatx(floatx)
        keras.mixed_precision.set_global_policy(policy)


@functools.cache
def float64_twin(model):
    """Returns a clip model with the same weights that computes in float64.

    Shared: do not change it, and do not change the model afterwards.
    """
    with float64():
        twin = build_clip_model(model.video_config, return_frame_logits=True)
    copy_weights(model, twin)
    return twin


def rounding_tolerance(model, clips):
    """Returns how far apart two float32 computations of frame logits may be.

    A deep random network enlarges rounding errors. The tolerance is therefore
    derived from the error of this network: the relative error of its float32
    frame logits, measured against float64. Another computation (with another
    batch size, library or processor) rounds in another order and has about the
    same error. In measurements, the error of a network varied by a factor of
    2.6 between clips, and two computations differed by up to 2.4 times the
    error of one. The factor 8 leaves some margin.
    """
    (_, rounded), (_, exact) = (
        logits_of(network, clips) for network in (model, float64_twin(model))
    )
    return max(8 * relative_error(rounded, exact), 8 * _EPSILON)


def in_both_precisions(model, clips):
    """Returns the network in float32 and in float64, with their tolerances."""
    return (
        (model, rounding_tolerance(model, clips)),
        (float64_twin(model), FLOAT64_TOLERANCE),
    )


def randomize(model, seed):
    """Sets random weights that keep the activations in a normal range.

    Kernels are scaled as by He et al. The statistics of batch normalization are
    far from their initial values (0 and 1), so that misplaced or swapped ones
    change the outputs.
    """
    rng = np.random.default_rng(seed)
    layers = keras.layers
    for layer in model.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        shapes = [weight.shape for weight in weights]
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = shapes
            values = [
                rng.uniform(0.5, 1.5, gamma),
                rng.normal(0.0, 0.3, beta),
                rng.normal(0.0, 0.3, mean),
                rng.uniform(0.5, 1.5, variance),
            ]
        elif isinstance(layer, layers.DepthwiseConv2D):
            fan_in = shapes[0][0] * shapes[0][1]
            values = [rng.normal(0.0, np.sqrt(2 / fan_in), shapes[0])]
        elif isinstance(layer, (ChannelwiseConvolution, layers.Conv2D)):
            fan_in = np.prod(shapes[0][:3])
            values = [rng.normal(0.0, np.sqrt(2 / fan_in), shapes[0])]
            values += [rng.normal(0.0, 0.1, shape) for shape in shapes[1:]]
        elif isinstance(layer, layers.Dense):
            values = [rng.normal(0.0, np.sqrt(1 / shapes[0][0]), shapes[0])]
            values += [rng.normal(0.0, 0.1, shape) for shape in shapes[1:]]
        else:
            raise NotImplementedError(f"random weights for {layer!r}")
        layer.set_weights(values)


def random_clips(config, clips=1, seed=0):
    """Returns float32 clips of whole pixel values; all frames differ."""
    rng = np.random.default_rng(seed)
    size = config.input.image_size
    shape = (clips, config.clip.num_segments, size, size, config.input.channels)
    return rng.integers(0, 256, shape).astype(np.float32)


def logits_of(model, clips):
    """Returns `(logits, frame_logits)` as NumPy arrays."""
    outputs = model(clips, training=False)
    return outputs["logits"].numpy(), outputs["frame_logits"].numpy()


def count_weights(model):
    """Returns the numbers of trainable and of other parameters of a model."""
    return tuple(
        int(sum(np.prod(weight.shape) for weight in weights))
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
