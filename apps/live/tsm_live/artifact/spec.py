"""ArtifactSpec: everything that a program must know to run a model file.

`docs/artifact.md` specifies every field for readers in other languages.
"""

import dataclasses

from tsm_live.artifact.detection import DetectionRule, check_outputs
from tsm_live.artifact.fields import (
    ArtifactError,
    expect,
    is_integer,
    is_number,
    is_text,
)
from tsm_live.artifact.tensors import (
    CACHE,
    CACHE_OUT,
    CLIP,
    FRAME,
    HEAD_ROLES,
    HEATMAP,
    RESULT_ROLES,
    VALID,
    TensorSpec,
    check_caches,
)

__all__ = ["ArtifactError", "ArtifactSpec", "TensorSpec"]

# The fields of `DecisionConfig` for which an artifact may have defaults.
SECONDS = ("average", "min_duration", "cooldown")
SCORES = ("start_score", "end_score")

# What sessions run. The spec of another task can be read, by `tsm info`.
TASKS = ("classification", "detection")

_IMAGE_ROLES = {"stream": FRAME, "clip": CLIP}
_LAYOUTS = ("NHWC", "NCHW")
# `resize_size` may be this many times the crop. More would take gigabytes.
_MAX_RESIZE = 16


@dataclasses.dataclass(frozen=True)
class ArtifactSpec:
    """The description of an artifact: its tensors, images and labels.

    Attributes:
        kind: `"stream"` if a call takes one frame per stream and caches hold
            the state; `"clip"` if a call takes a whole clip.
        inputs: The image input, for a stream with lookahead the input that says
            which frames exist, then the caches in the order of the network.
            The image input is `[N, S, S, 3]`, one frame for each of N streams,
            or `[T, S, S, 3]`, the frames of one clip; in the layout NCHW
            `[N, 3, S, S]` or `[T, 3, S, S]`. Its values are RGB in 0..255.
        outputs: The results, then the values of the caches for the next
            frame. The results of a classification are its heads, each `[N,
            number of its labels]` (N = 1 for a clip); those of a detection
            are a heatmap, box sizes and box offsets, `[N, S / stride, S /
            stride, channels]` in the layout NHWC (N = T for a clip).
        resize_size: The short side of a frame is resized to this many pixels;
            then the central square of S pixels is cropped.
        frame_interval: The seconds between two frames in training; 0 if
            unknown.
        num_segments: The number of frames per clip in training.
        quantization: The quantization that the export was asked for, such as
            `"none"` or `"int8"`.
        preset_hash: The SHA-256 of the exported weights, or empty.
        versions: The versions of the tools that made the file, by name.
        model_hash: The SHA-256 of the model without the spec.
        layout: The layout of the image input and the caches: `"NHWC"`, or
            `"NCHW"` in `.onnx` files.
        task: One of `TASKS`; a later version may add others.
        decision: Defaults for the numbers of `DecisionConfig`, by name.
        detection: How the results of a detection become boxes; None for other
            tasks.

    Raises:
        ArtifactError: If a field is not valid.
    """

    kind: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    resize_size: int
    frame_interval: float
    num_segments: int
    quantization: str
    preset_hash: str = ""
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    model_hash: str = ""
    layout: str = "NHWC"
    task: str = "classification"
    decision: dict[str, float] = dataclasses.field(default_factory=dict)
    detection: DetectionRule | None = None

    def __post_init__(self):
        kinds = tuple(_IMAGE_ROLES)
        self._expect(self.kind in kinds, "kind", f"one of {kinds}")
        self._expect(self.layout in _LAYOUTS, "layout", f"one of {_LAYOUTS}")
        for field in ("task", "quantization", "preset_hash", "model_hash"):
            self._expect(is_text(getattr(self, field)), field, "a text")
        self._expect(
            isinstance(self.versions, dict)
            and all(map(is_text, (*self.versions, *self.versions.values()))),
            "versions",
            "an object of texts",
        )
        self._expect(
            is_number(self.frame_interval) and self.frame_interval >= 0,
            "frame_interval",
            "seconds, or 0 if unknown",
        )
        self._expect(
            is_integer(self.num_segments), "num_segments", "a positive integer"
        )
        self._check_decision()
        self._check_image()
        self._check_heads()
        self._check_detection()
        check_caches(self.caches, self.outputs)

    def _expect(self, holds, field, expected):
        expect(holds, field, expected, getattr(self, field))

    def _check_decision(self):
        given = self.decision
        self._expect(
            isinstance(given, dict)
            and set(given) <= {*SECONDS, *SCORES}
            and all(is_number(value) and value >= 0 for value in given.values())
            and given.get("start_score", 0) <= 1
            and given.get("end_score", 0) <= given.get("start_score", 1),
            "decision",
            f"seconds, 0 or more, named {SECONDS} and scores that satisfy "
            "0 <= end_score <= start_score <= 1",
        )

    def _check_image(self):
        role = _IMAGE_ROLES[self.kind]
        roles = [tensor.role for tensor in self.inputs]
        caches, valid = roles.count(CACHE), roles.count(VALID)
        known = 1 + caches + valid if self.kind == "stream" else 1
        expect(
            roles.count(role) == 1 and len(roles) == known and valid <= 1,
            "inputs",
            f"one tensor with the role {role!r} and, for a stream, caches and "
            f"at most one with the role {VALID!r}; a tensor with another role "
            "cannot be fed",
            roles,
        )
        shape = self.frame.shape
        size = shape[2] if len(shape) == 4 else 0
        if self.valid:
            expect(
                self.valid.shape[:1] == shape[:1],
                f"shape` of `{self.valid.name}",
                f"numbers for each of {shape[:1]} streams",
                self.valid.shape,
            )
        image = (size, size, 3) if self.layout == "NHWC" else (3, size, size)
        expect(
            shape[1:] == image,
            f"shape` of `{self.frame.name}",
            "[N, S, S, 3] for the layout NHWC and [N, 3, S, S] for NCHW, which "
            f"is {self.layout} here",
            shape,
        )
        self._expect(
            is_integer(self.resize_size, size, _MAX_RESIZE * size),
            "resize_size",
            f"1 to {_MAX_RESIZE} times the frame's {size} pixels",
        )

    def _check_heads(self):
        names = [tensor.name for tensor in self.tensors]
        different = len(set(names)) == len(names)
        expect(different, "name", "different for every tensor", names)
        expect(
            self.heads or self.task != "classification",
            "outputs",
            f"with a role of {HEAD_ROLES} for a classification",
            [tensor.role for tensor in self.outputs],
        )
        for head in self.heads:
            shape = self.streams, len(head.labels)
            expect(
                head.shape == shape,
                f"shape` of `{head.name}",
                f"{shape}, one number per stream and label",
                head.shape,
            )
        expect(
            len({*self._delays, *(() if self.valid else (0,))}) <= 1,
            "late",
            "the same for all heads or outputs of a detector, and 0 without "
            f"the role {VALID!r}",
            self._delays,
        )

    def _check_detection(self):
        rule = self.detection
        self._expect(
            isinstance(rule, DetectionRule) == (self.task == "detection"),
            "detection",
            f"the rule of a detector, and only that (the task: {self.task!r})",
        )
        if rule is not None:
            size, frames = self.image_size, self.frame.shape[0]
            check_outputs(rule, self.results, frames, size, self.layout)

    @property
    def frame(self) -> TensorSpec:
        """The image input."""
        role = _IMAGE_ROLES[self.kind]
        return next(tensor for tensor in self.inputs if tensor.role == role)

    @property
    def valid(self) -> TensorSpec | None:
        """The input that says which frames exist, if there is lookahead.

        It holds one number per stream and entry of its `entries`: 1 if the
        stream has a frame that was taken so many steps ago, else 0.
        """
        return next((t for t in self.inputs if t.role == VALID), None)

    @property
    def fed(self) -> tuple[TensorSpec, ...]:
        """The inputs that are not caches: the image input, then `valid`."""
        return self.frame, *([self.valid] if self.valid else [])

    @property
    def delay(self) -> int:
        """The number of steps by which results are later than their frames."""
        return max(self._delays, default=0)

    @property
    def _delays(self):
        return [t.late for t in self.results if t.role in RESULT_ROLES]

    @property
    def caches(self) -> tuple[TensorSpec, ...]:
        """The inputs that hold the state of a stream."""
        return tuple(tensor for tensor in self.inputs if tensor.role == CACHE)

    @property
    def results(self) -> tuple[TensorSpec, ...]:
        """The outputs that are not caches: what the network says."""
        return tuple(t for t in self.outputs if t.role != CACHE_OUT)

    @property
    def heads(self) -> tuple[TensorSpec, ...]:
        """The outputs that classify."""
        return tuple(t for t in self.outputs if t.role in HEAD_ROLES)

    @property
    def logits(self) -> TensorSpec:
        """The output of the only head.

        Raises:
            ArtifactError: If there is not exactly one head.
        """
        if len(self.heads) != 1:
            raise ArtifactError(
                "An artifact with one classification is needed here. "
                f"Received: the task {self.task!r} with the heads "
                f"{[head.name for head in self.heads]}"
            )
        return self.heads[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the only head, or of a detector's heatmap, in order."""
        if self.detection is None:
            return self.logits.labels
        return next(t.labels for t in self.results if t.role == HEATMAP)

    @property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """All inputs and outputs."""
        return *self.inputs, *self.outputs

    @property
    def streams(self) -> int:
        """The number of streams, or clips, that one call takes."""
        return self.frame.shape[0] if self.kind == "stream" else 1

    @property
    def image_size(self) -> int:
        """S, the height and width of a frame in the network."""
        return self.frame.shape[2]  # In either layout.
