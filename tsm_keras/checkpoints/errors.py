"""CheckpointError: a checkpoint cannot be read or does not fit."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read, understood or converted to a preset."""
