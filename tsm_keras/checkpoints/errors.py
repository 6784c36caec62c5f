"""CheckpointError: a checkpoint that cannot be read, or does not fit."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, understood or turned into a preset."""
