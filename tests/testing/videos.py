"""Makes broken videos from a good one, and ends processes in several ways."""

import ctypes
import os
import pathlib
import signal
import time

import cv2
import numpy as np

from tsm_keras.data.prepare.clip_encoding import try_encode_clip


def opencv_frames(path):
    """Returns the `[H, W, 3]` uint8 BGR frames of a video."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            return frames
        frames.append(frame)


def truncated(content):
    """Returns the first two thirds of a file."""
    return content[: len(content) * 2 // 3]


def bit_flipped(content, seed=0):
    """Returns the file with 40 flipped bits, all behind its headers."""
    rng = np.random.default_rng(seed)
    flipped = np.frombuffer(content, np.uint8).copy()
    places = rng.integers(len(content) // 10, len(content), 40)
    flipped[places] ^= (1 << rng.integers(0, 8, 40)).astype(np.uint8)
    return flipped.tobytes()


# Each kind of broken file, as a function of the content of a good video.
BROKEN = {
    "empty": lambda good: b"",
    "text": lambda good: b"This is no video.\n" * 100,
    "zeros": lambda good: bytes(10_000),
    "truncated": truncated,
    "bit_flipped": bit_flipped,
}


def segfault():
    """Reads address 0, which ends this process like a crash of a decoder."""
    ctypes.string_at(0)


def kill_self():
    """Kills this process, as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    """Sleeps for longer than any test waits."""
    time.sleep(600)


def encode_or_crash(root, source, images):
    """Encodes a clip, or crashes if its name contains `crash`."""
    if "crash" in pathlib.Path(source.path).name:
        segfault()
    return try_encode_clip(root, source, images)


def encode_or_be_killed(root, source, images):
    """Encodes a clip, or is killed if its name contains `large`."""
    if "large" in pathlib.Path(source.path).name:
        kill_self()
    return try_encode_clip(root, source, images)


def encode_or_be_killed_once(root, source, images):
    """Encodes a clip; the first call of all is killed."""
    try:
        (pathlib.Path(root) / "killed").touch(exist_ok=False)
    except FileExistsError:
        return try_encode_clip(root, source, images)
    kill_self()


def encode_or_hang(root, source, images):
    """Encodes a clip, or never ends if its name contains `hang`."""
    if "hang" in pathlib.Path(source.path).name:
        hang()
    return try_encode_clip(root, source, images)
