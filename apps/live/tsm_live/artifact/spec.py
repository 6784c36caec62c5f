"""ArtifactSpec: what a model file says about how it is run."""

import dataclasses
import json
import math
from typing import Any

_FORMAT = 2
_MAX_RESIZE = 16  # Of a frame that is cropped; more would take gigabytes.
_KINDS = ("stream", "clip")
_OUTPUTS = ("logits", "probabilities")
_FLOATS = ("float32", "float16")
_DTYPES = (*_FLOATS, "int8", "uint8")
_LAYOUTS = ("NHWC", "NCHW")


class ArtifactError(ValueError):
    """A file that is no artifact, or a damaged one."""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One tensor of the signature.

    Attributes:
        name: In the signature.
        shape: Static, batch first.
        dtype: `"float32"`, `"float16"`, `"int8"` or `"uint8"`.
        scale: Of integers: `value = scale * (q - zero_point)`; else 0.
        zero_point: Of integers, and their zero state; else 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    def __post_init__(self):
        _set_tuple(self, "shape")
        _check(
            isinstance(self.name, str)
            and self.dtype in _DTYPES
            and isinstance(self.shape, tuple)
            and all(isinstance(n, int) and n > 0 for n in self.shape)
            and isinstance(self.zero_point, int)
            and _is_finite(self.scale)
            and (self.dtype in _FLOATS or self.scale > 0),
            f"the tensor {self.name!r} is described wrongly",
        )


@dataclasses.dataclass(frozen=True)
class ArtifactSpec:
    """How to run an artifact.

    Attributes:
        kind: `"stream"`: one frame a stream and call, caches explicit.
            `"clip"`: a whole clip a call.
        labels: Class names in the order of the logits.
        frame: The image input: `frame`, `[N, S, S, 3]`, a frame of each of N
            streams, or `clip`, `[T, S, S, 3]`, the frames of one clip
            (`[N, 3, S, S]`, `[T, 3, S, S]` if the layout is NCHW). RGB in
            0..255.
        logits: The output: `logits`, or `probabilities` if a softmax is part
            of the network; `[N, num_classes]`, N = 1 for a clip.
        caches: The state of a stream, in the order of the network. `cache_kk`
            is an input; the output `cache_kk_out` is its value for the next
            frame.
        resize_size: A frame's short side is resized to this many pixels, then
            the central square of the frame input's size is cropped.
        frame_interval: Seconds between frames the network was trained for, 0
            if unknown.
        num_segments: Frames a clip the network was trained on.
        quantization: What was stored in fewer bits, `"none"` or as in the
            export, e.g. `"int8"`.
        preset_hash: SHA-256 of the weights the artifact was made from, or "".
        versions: Of the tools that made it.
        model_hash: SHA-256 of the file without the spec; see `write_spec`.
        layout: Of `frame` and `caches`: `"NHWC"`, or `"NCHW"` in ONNX files.
    """

    kind: str
    labels: tuple[str, ...]
    frame: TensorSpec
    logits: TensorSpec
    caches: tuple[TensorSpec, ...]
    resize_size: int
    frame_interval: float
    num_segments: int
    quantization: str
    preset_hash: str
    versions: dict[str, str]
    model_hash: str = ""
    layout: str = "NHWC"

    def __post_init__(self):
        _set_tuple(self, "labels")
        _set_tuple(self, "caches")
        _check(self.kind in _KINDS, f"the kind {self.kind!r} is unknown")
        _check(self.logits.name in _OUTPUTS, "the output has another name")
        _check(self.layout in _LAYOUTS, f"layout {self.layout!r} is unknown")
        _check(
            len(self.frame.shape) == 4
            and self.frame.shape[1:] == self._image_shape,
            "`frame` must be [N, S, S, 3] or, in NCHW, [N, 3, S, S]",
        )
        _check(
            isinstance(self.labels, tuple)
            and all(isinstance(label, str) for label in self.labels)
            and self.logits.shape == (self.streams, len(self.labels)),
            "`labels` must name every logit",
        )
        _check(
            isinstance(self.resize_size, int)
            and 1 <= self.resize_size / self.image_size <= _MAX_RESIZE,
            f"`resize_size` must be 1 to {_MAX_RESIZE} times the frame's size",
        )
        _check(
            _is_finite(self.frame_interval) and self.frame_interval >= 0,
            "`frame_interval` must be seconds",
        )
        _check(
            isinstance(self.num_segments, int) and self.num_segments > 0,
            "`num_segments` must be a positive integer",
        )
        texts = (self.quantization, self.preset_hash, self.model_hash)
        _check(
            all(isinstance(text, str) for text in texts)
            and isinstance(self.versions, dict)
            and all(isinstance(text, str) for text in self.versions.values()),
            "`quantization`, hashes and `versions` must be texts",
        )

    @property
    def streams(self) -> int:
        """How many streams, or clips, a call takes."""
        return self.frame.shape[0] if self.kind == "stream" else 1

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The image input and the caches."""
        return self.frame, *self.caches

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The logits and the values of the caches for the next frame."""
        fresh = (
            dataclasses.replace(cache, name=f"{cache.name}_out")
            for cache in self.caches
        )
        return self.logits, *fresh

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """All inputs and outputs."""
        return *self.inputs, *self.outputs

    @property
    def image_size(self) -> int:
        """S, the height and width of a frame."""
        return self.frame.shape[2]  # In either layout.

    @property
    def _image_shape(self):
        size = self.image_size
        return (size, size, 3) if self.layout == "NHWC" else (3, size, size)

    def to_json(self) -> str:
        """Returns the spec as JSON text."""
        fields = {"format": _FORMAT, **dataclasses.asdict(self)}
        return json.dumps(fields, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "ArtifactSpec":
        """Returns the spec that `to_json` wrote.

        Raises:
            ArtifactError: If `text` is anything else.
        """
        try:
            fields = json.loads(text)
            found = fields.pop("format")
            _check(found == _FORMAT, f"the format {found!r} is unknown")
            for name in ("frame", "logits"):
                fields[name] = TensorSpec(**fields[name])
            fields["caches"] = [TensorSpec(**c) for c in fields["caches"]]
            return cls(**fields)
        except ArtifactError:
            raise
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise ArtifactError(
                f"The embedded spec cannot be read: {error}"
            ) from error


def _set_tuple(instance: Any, field: str) -> None:
    """Turns the lists of JSON into the tuples they were."""
    if isinstance(getattr(instance, field), list):
        object.__setattr__(instance, field, tuple(getattr(instance, field)))


def _check(holds, problem):
    if not holds:
        raise ArtifactError(f"The embedded spec is not valid: {problem}.")


def _is_finite(value):
    return isinstance(value, (int, float)) and math.isfinite(value)
