"""VideoReader: reads clips from video files."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tsm_keras.data.augment.crops import Box
from tsm_keras.data.readers.folder import VideoFolder
from tsm_keras.data.readers.reader import BaseReader, ClipHead
from tsm_keras.data.video.decoding import iterate_frames, read_video


class VideoReader(BaseReader):
    """The videos of a `VideoFolder`, as a `ClipReader`.

    Args:
        videos: From `scan_folder`.
        cache: Whether to keep all decoded frames in memory.
    """

    channels = 3

    def __init__(self, videos: VideoFolder, *, cache: bool = False):
        self.name = videos.name
        self.num_clips = len(videos.paths)
        names = videos.label_names
        counts = np.bincount(videos.labels, minlength=len(names))
        self.heads = (
            ClipHead(
                names,
                clips_per_label=tuple(counts.tolist()),
                mirrored_labels=videos.mirrored_labels(),
            ),
        )
        self._videos = videos
        infos = videos.infos
        # A single frame counts as one second, as in `tsm prepare`.
        rates = [x.num_frames / (x.duration or 1.0) for x in infos]
        self.frame_rate = float(np.median(rates))
        self._described = {
            "num_frames": np.array([x.num_frames for x in infos], np.int32),
            "frame_rate": np.array(rates, np.float32),
            "label": np.array(videos.labels, np.int64),
        }
        self._key_frames = {
            path: info.key_frames
            for path, info in zip(videos.paths, videos.infos, strict=True)
        }
        self._memory: dict[tuple[str, int | None], np.ndarray] | None = (
            {} if cache else None
        )

    @property
    def content_hash(self) -> str:
        return self._videos.content_hash()

    @property
    def clip_names(self) -> tuple[str, ...]:
        return self._videos.paths

    def frame_interval(self, num_segments: int) -> float:
        """See `ClipReader`."""
        return self._videos.frame_interval(num_segments)

    def iterate(
        self,
        number: int,
        indices: np.ndarray,
        short_side: int | None,
        box: Box | None = None,
    ) -> Iterator[np.ndarray]:
        """See `ClipReader`; decodes the file once, from its beginning."""
        if self._memory is not None:
            yield from super().iterate(number, indices, short_side, box)
            return
        path = self._videos.paths[number]
        for frame in iterate_frames(path, indices, short_side=short_side):
            if box is not None:
                shape = tf.constant(frame.shape[:2])
                top, left, height, width = box(shape).numpy()
                frame = frame[top : top + height, left : left + width]
            yield frame

    def _decode(self, number, indices, short_side):
        path = self._videos.paths[number]
        if self._memory is None:
            return read_video(
                path,
                indices,
                key_frames=self._key_frames[path],
                short_side=short_side,
            )
        # Each file is decoded completely, and only once.
        key = path, short_side
        if key not in self._memory:
            self._memory[key] = read_video(path, short_side=short_side)
        return self._memory[key][indices]
