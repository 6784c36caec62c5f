"""gpu_environment: finds a GPU, or Vulkan in software, on this machine."""

import functools
import pathlib
import tempfile

import numpy as np
from tensorflow import keras

from tsm_export.description import describe
from tsm_export.tflite.conversion import convert
from tsm_export.tflite.export import signature_tensors
from tsm_export.verify.trial import run_trial
from tsm_keras.models.config import VideoClassifierConfig
from tsm_live.runtimes.isolated_network import SessionError
from tsm_live.runtimes.network import AcceleratorError

# Vulkan in software, from Debian's package `chromium`. It is slow, but the
# accelerator uses it like a GPU.
_SOFTWARE_VULKAN = pathlib.Path("/usr/lib/chromium/vk_swiftshader_icd.json")


@functools.cache
def gpu_environment() -> dict[str, str] | None:
    """Returns environment variables with which a process finds a GPU.

    It tries the unchanged environment first, then Vulkan in software, each
    with a network of one op. If another network fails later, that network is
    the cause.

    Returns:
        The variables to set, which may be empty, or None without a GPU.
    """
    clip = keras.Input((32, 32, 3), batch_size=1, name="clip")
    pool = keras.layers.GlobalAveragePooling2D(name="logits", dtype="float32")
    logits = pool(clip)
    content = convert(keras.Model({"clip": clip}, {"logits": logits}))
    config = VideoClassifierConfig(
        num_classes=3, labels=tuple("abc"), image_size=32, num_segments=1
    )
    spec = describe(
        *signature_tensors(content), config, kind="clip", quantization="none"
    )
    candidates: list[dict[str, str]] = [{}]
    if _SOFTWARE_VULKAN.exists():
        # The loader needs this variable, but writes nothing there.
        runtime = {"XDG_RUNTIME_DIR": tempfile.gettempdir()}
        candidates.append({"VK_DRIVER_FILES": str(_SOFTWARE_VULKAN), **runtime})
    return next((it for it in candidates if _opens(spec, content, it)), None)


def _opens(spec, content, variables):
    clips = np.zeros((1, *spec.frame.shape), np.uint8)
    try:
        run_trial(
            spec, content, clips, accelerator="gpu", environment=variables
        )
    except (AcceleratorError, SessionError):
        return False
    return True
