"""DetectionPrediction: the objects that a detector found in a frame."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from tsm_live.artifact.preprocessing import boxes_in_frame
from tsm_live.artifact.quantization import dequantize
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.tensors import DETECTION_ROLES
from tsm_live.detection.boxes import Boxes, decode_boxes
from tsm_live.sessions.taken_frames import AnsweredFrame, Size


@dataclasses.dataclass(frozen=True, eq=False)
class DetectionPrediction:
    """The objects in a frame.

    Boxes are in pixels of the frame as the session got it. The network sees
    only the central square of a frame, so objects beside it are not found.

    Attributes:
        spec: The spec of the artifact, with the labels and the usual threshold.
        outputs: The real values of the outputs by their role: `heatmap`, `[h,
            w, K]` float32 logits, and `box_size` and `box_offset`, `[h, w, 2]`
            in cells.
        latency: The seconds that the network took for all streams together.
        frame: The number of the frame, counted from 0 at the start of the
            stream or the clip. It is an earlier one than the frame that was
            taken last, if the artifact looks ahead.
        size: The height and width of the frame; None if it had the size of the
            network.
    """

    spec: ArtifactSpec
    outputs: Mapping[str, np.ndarray]
    latency: float
    frame: int | None = None
    size: Size | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The K classes; `boxes.classes` are their indices."""
        return self.spec.labels

    @functools.cached_property
    def boxes(self) -> Boxes:
        """The boxes whose scores reach the artifact's threshold."""
        return self.decode()

    def decode(
        self, *, threshold: float | None = None, top: int | None = None
    ) -> Boxes:
        """Returns the boxes by other numbers than the artifact's.

        Args:
            threshold: The lowest score of a box; None for the artifact's.
            top: The maximum number of boxes; None for the artifact's.
        """
        rule = self.spec.detection
        assert rule is not None
        found = decode_boxes(
            **self.outputs,
            stride=rule.stride,
            threshold=rule.threshold if threshold is None else threshold,
            top=rule.top if top is None else top,
        )
        if self.size is None:
            return found
        crop = self.spec.resize_size, self.spec.image_size
        return dataclasses.replace(
            found, boxes=boxes_in_frame(found.boxes, *self.size, *crop)
        )


def detections(
    spec: ArtifactSpec,
    outputs: Sequence[np.ndarray],
    latency: float,
    frames: Sequence[AnsweredFrame | None],
) -> list[DetectionPrediction | None]:
    """Returns the prediction for each stream, or for each frame of a clip.

    Args:
        spec: The spec of a detector.
        outputs: The values of `spec.results`.
        latency: The seconds that the network took.
        frames: The frames in the order of the outputs; None for a stream whose
            outputs have no meaning, which gets no prediction.
    """
    named = {}
    for tensor, values in zip(spec.results, outputs, strict=True):
        if tensor.role in DETECTION_ROLES:
            values = dequantize(values, tensor)
            if spec.layout == "NCHW":
                values = values.transpose(0, 2, 3, 1)
            named[tensor.role] = values
    return [
        None
        if frame is None
        else DetectionPrediction(
            spec,
            {role: values[row] for role, values in named.items()},
            latency,
            frame.number,
            frame.size,
        )
        for row, frame in enumerate(frames)
    ]
