"""Cases for images: resize, crop and the conversion of camera frames.

The expected pixels are computed here in float64 from the rules of
`docs/artifact.md`, not by the code of a runtime.
"""

from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array

_LONGEST = 32  # How many times longer one side may be than the other.


def fit_case(
    name: str,
    size: tuple[int, int],
    resize_size: int,
    crop_size: int,
    image: np.ndarray | None = None,
) -> dict[str, Any]:
    """Returns how a frame of some size is resized and cropped.

    Args:
        name: The name of the case.
        size: The height and width of the frame.
        resize_size: The short side after the resize.
        crop_size: The side of the square.
        image: `[H, W, 3]` uint8 of that size, or None for the geometry alone.
    """
    height, width = size
    short = min(size)
    case: dict[str, Any] = {
        "kind": "fit",
        "name": name,
        "size": [height, width],
        "resize_size": resize_size,
        "crop_size": crop_size,
        "accepted": max(size) <= _LONGEST * short,
    }
    if not case["accepted"]:
        return case
    new = [(2 * s * resize_size + short) // (2 * short) for s in size]
    corner = [(side - crop_size) // 2 for side in new]
    case |= {"resized": new, "corner": corner}
    if image is not None:
        top, left = corner
        rows, columns = map(resize_weights, size, new)
        square = np.einsum(
            "yh,xw,hwc->yxc",
            rows[top : top + crop_size],
            columns[left : left + crop_size],
            image.astype(np.float64),
        )
        case["image"] = encode_array(image)
        case["square"] = encode_array(np.floor(square + 0.5).astype(np.uint8))
    return case


def yuv_case(
    name: str,
    yuv: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    rotation: int,
    padding: int,
    interleaved: bool,
) -> dict[str, Any]:
    """Returns a camera frame in YUV_420_888 and the upright RGB image.

    Args:
        name: The name of the case.
        yuv: `[H, W]` luma and twice `[ceil(H / 2), ceil(W / 2)]` chroma, uint8.
        rotation: The degrees, clockwise, by which the frame must be turned.
        padding: The number of unused bytes after each row except the last.
        interleaved: Whether U and V take turns in memory, with a pixel stride
            of 2.
    """
    luma = yuv[0].astype(np.float64)
    height, width = luma.shape
    u, v = (
        np.kron(plane, np.ones((2, 2)))[:height, :width] - 128.0
        for plane in yuv[1:]
    )
    rgb = np.stack(
        [
            luma + 1.402 * v,
            luma - 0.344136 * u - 0.714136 * v,
            luma + 1.772 * u,
        ],
        axis=-1,
    )
    rgb = np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8)
    stride = 2 if interleaved else 1
    return {
        "kind": "yuv",
        "name": name,
        "size": [height, width],
        "rotation": rotation,
        "planes": {
            plane: _plane(values, padding, 1 if plane == "y" else stride)
            for plane, values in zip("yuv", yuv, strict=True)
        },
        "rgb": encode_array(np.rot90(rgb, -rotation // 90)),
    }


def resize_weights(old: int, new: int) -> np.ndarray:
    """Returns the weights of old pixels in new ones, along one side.

    Args:
        old: The number of pixels before.
        new: The number of pixels after the resize. If it is smaller, new
            pixels are means of areas, else they are interpolated.

    Returns:
        `[new, old]` float64.
    """
    scale, places = old / new, np.arange(old)
    starts = np.arange(new)[:, None] * scale
    if new < old:
        share = np.minimum(starts + scale, places + 1)
        share -= np.maximum(starts, places)
        return np.maximum(share, 0) / scale
    centres = np.clip(starts + scale / 2 - 0.5, 0, old - 1)
    return np.maximum(1 - np.abs(centres - places), 0)


def _plane(values, padding, pixel_stride):
    height, width = values.shape
    row_stride = width * pixel_stride + padding
    # Bytes that do not belong to the image have a value that shows in errors.
    memory = np.full((height, row_stride), 77, np.uint8)
    memory[:, : width * pixel_stride : pixel_stride] = values
    # As on Android, the memory ends with the last pixel of the last row.
    end = (height - 1) * row_stride + (width - 1) * pixel_stride + 1
    return {
        "row_stride": row_stride,
        "pixel_stride": pixel_stride,
        "data": encode_array(memory.ravel()[:end]),
    }
