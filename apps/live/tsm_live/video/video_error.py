"""VideoError: the error of a video file that cannot be read."""

import os


class VideoError(ValueError):
    """A video file cannot be read.

    Attributes:
        path: The file.
        reason: The reason, as a clause.
        advice: A sentence that says what to do; may be empty.
    """

    def __init__(self, path: str | os.PathLike, reason: str, advice: str = ""):
        super().__init__(
            path, reason, advice
        )  # All, so that it can be pickled.
        self.path = os.fspath(path)
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        text = f"Cannot read the video {self.path}: {self.reason}."
        return f"{text} {self.advice}" if self.advice else text
