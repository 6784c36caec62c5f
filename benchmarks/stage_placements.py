"""Shared by benchmarks of the shift in some stages: the choices compared."""

from tsm_keras.models.backbones.table import BACKBONES


def placements(backbone: str) -> dict[str, tuple[int, ...]]:
    """Returns the stages that have the shift, by the name of the placement.

    They are all stages, the last two and each stage alone.

    Args:
        backbone: The name of a backbone.
    """
    stages = BACKBONES[backbone].stages_with_marks
    return {
        "all stages": stages,
        f"stages {stages[-2]} and {stages[-1]}": stages[-2:],
        **{f"stage {stage}": (stage,) for stage in stages},
    }
