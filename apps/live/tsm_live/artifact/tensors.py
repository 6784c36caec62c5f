"""TensorSpec: one input or output of an artifact, and its role."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from tsm_live.artifact.fields import (
    as_object,
    expect,
    is_integer,
    is_label,
    is_number,
    is_text,
    known_fields,
)

# The roles of inputs and outputs.
FRAME, CLIP, CACHE, VALID = "frame", "clip", "cache", "valid"
LOGITS, PROBABILITIES, CACHE_OUT = "logits", "probabilities", "cache_out"
HEAD_ROLES = (LOGITS, PROBABILITIES)
HEATMAP, BOX_SIZE, BOX_OFFSET = "heatmap", "box_size", "box_offset"
DETECTION_ROLES = (HEATMAP, BOX_SIZE, BOX_OFFSET)
RESULT_ROLES = (*HEAD_ROLES, *DETECTION_ROLES)  # What a network says.

_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}
_DTYPES = ("float32", "float16", *_RANGES)
# These roles may not be float16, in which pixels and scores lose digits.
_EXACT_ROLES = (FRAME, CLIP, VALID, *RESULT_ROLES)
_EXACT_DTYPES = ("float32", *_RANGES)


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One tensor of the signature.

    Attributes:
        name: Its name in the signature.
        shape: Its static shape, batch first.
        dtype: `"float32"`, `"float16"`, `"int8"` or `"uint8"`.
        scale: The scale of an integer q, which stands for the real value
            `scale * (q - zero_point)`; 0 for floats.
        zero_point: The integer that stands for zero; 0 for floats.
        role: An input has the role `"frame"`, `"clip"`, `"cache"` or
            `"valid"`; an output has `"logits"`, `"probabilities"`,
            `"heatmap"`, `"box_size"`, `"box_offset"`, `"cache_out"` or a role
            of a later version. The role is empty if a runtime described the
            tensor.
        labels: The class names of logits, probabilities or a heatmap, in
            order.
        no_gesture: The labels which mean that there is no gesture.
        frames: The number of earlier frames that a cache remembers; 0 for all
            frames since the start of the stream.
        fed_by: The name of the output that becomes the value of a cache for
            the next frame.
        late: The number of steps by which a result, or what a cache
            remembers, is later than its frame.
        entries: For each number of the input `valid`, how many steps late the
            frame is of which it says whether it exists.

    Raises:
        ArtifactError: If a field is not valid.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0
    role: str = ""
    labels: tuple[str, ...] = ()
    no_gesture: tuple[str, ...] = ()
    frames: int = 0
    fed_by: str = ""
    late: int = 0
    entries: tuple[int, ...] = ()

    def __post_init__(self):
        for field in ("shape", "labels", "no_gesture", "entries"):
            value = getattr(self, field)
            if isinstance(value, list):  # JSON has no tuples.
                object.__setattr__(self, field, tuple(value))
        self._expect(is_label(self.name), "name", "a name")
        self._expect(
            isinstance(self.shape, tuple) and all(map(is_integer, self.shape)),
            "shape",
            "a list of positive integers",
        )
        self._expect(is_text(self.role), "role", "a text")
        dtypes = _EXACT_DTYPES if self.role in _EXACT_ROLES else _DTYPES
        self._expect(
            self.dtype in dtypes,
            "dtype",
            f"one of {dtypes} for the role {self.role!r}",
        )
        low, high = _RANGES.get(self.dtype, (0, 0))
        self._expect(
            is_number(self.scale)
            and (self.scale > 0 if self.dtype in _RANGES else self.scale == 0),
            "scale",
            "positive for integers and 0 for floats",
        )
        self._expect(
            is_integer(self.zero_point, low, high),
            "zero_point",
            f"an integer in [{low}, {high}] for {self.dtype}",
        )
        self._check_role()

    def _check_role(self):
        has_labels = self.role in (*HEAD_ROLES, HEATMAP)
        is_cache = self.role == CACHE
        self._expect(
            isinstance(self.labels, tuple)
            and all(map(is_label, self.labels))
            and len(set(self.labels)) == len(self.labels)
            and (len(self.labels) > 0 or not has_labels),
            "labels",
            "different names of one line each, at least one for a head or a "
            "heatmap",
        )
        self._expect(
            isinstance(self.no_gesture, tuple)
            and all(label in self.labels for label in self.no_gesture)
            and len(set(self.no_gesture)) == len(self.no_gesture)
            and (not self.labels or len(self.no_gesture) < len(self.labels)),
            "no_gesture",
            "some of `labels`, not all of them and none of them twice",
        )
        self._expect(
            is_integer(self.frames, 0),
            "frames",
            "the number of frames that a cache remembers, or 0 for all",
        )
        self._expect(
            is_text(self.fed_by) and (self.fed_by != "" or not is_cache),
            "fed_by",
            "the name of the output that feeds a cache",
        )
        self._expect(
            is_integer(self.late, 0), "late", "a number of steps, 0 or more"
        )
        is_valid = self.role == VALID
        self._expect(
            isinstance(self.entries, tuple)
            and all(is_integer(late, 0) for late in self.entries)
            and len(self.entries)
            == (math.prod(self.shape[1:]) if is_valid else 0),
            "entries",
            f"as many integers, 0 or more, as the role {VALID!r} has numbers "
            "per stream; empty for other roles",
        )

    def _expect(self, holds, field, expected):
        where = f"{field}` of `{self.name}" if is_label(self.name) else field
        expect(holds, where, expected, getattr(self, field))

    @property
    def bare(self) -> "TensorSpec":
        """The tensor as a runtime describes it: without a role."""
        return TensorSpec(
            self.name, self.shape, self.dtype, self.scale, self.zero_point
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON object of the tensor."""
        values: dict[str, Any] = {
            "name": self.name,
            "role": self.role,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "scale": self.scale,
            "zero_point": self.zero_point,
        }
        if self.labels:
            values["labels"] = list(self.labels)
        if self.labels and self.role != HEATMAP:
            values["no_gesture"] = list(self.no_gesture)
        if self.fed_by:
            values["frames"] = self.frames
            values["fed_by"] = self.fed_by
            values["zero_state"] = self.zero_point
        if self.late:
            values["late"] = self.late
        if self.entries:
            values["entries"] = list(self.entries)
        return values

    @classmethod
    def from_dict(cls, values: Any) -> "TensorSpec":
        """Returns the tensor of a JSON object; ignores unknown keys.

        Raises:
            ArtifactError: If a field is missing or not valid.
        """
        values = as_object("a tensor", values)
        expect("role" in values, "role", "present for every tensor", values)
        tensor = cls(**known_fields(cls, values))
        zero_state = values.get("zero_state", tensor.zero_point)
        expect(
            zero_state == tensor.zero_point,
            f"zero_state` of `{tensor.name}",
            f"the zero point, {tensor.zero_point}",
            zero_state,
        )
        return tensor


def check_caches(
    caches: Sequence[TensorSpec], outputs: Iterable[TensorSpec]
) -> None:
    """Checks that each cache has an output like it, and each output a cache.

    Raises:
        ArtifactError: If one does not.
    """
    fresh = {t.name: t for t in outputs if t.role == CACHE_OUT}
    feeds = [cache.fed_by for cache in caches]
    expect(
        sorted(feeds) == sorted(fresh),
        "fed_by",
        f"each output with the role {CACHE_OUT!r} once, {sorted(fresh)}",
        feeds,
    )
    for cache in caches:
        output = fresh[cache.fed_by].bare
        expect(
            dataclasses.replace(output, name=cache.name) == cache.bare,
            cache.fed_by,
            f"like the cache that it feeds, {cache.bare}",
            output,
        )
