"""The names of X3D in pytorchvideo and in SlowFast.

pytorchvideo's models/x3d.py swaps the names of the two convolutions of the
stem: `conv_t` is the one in space. Of the two projects, only SlowFast
(models/resnet_helper.py) normalizes the shortcut of the first block.
"""

from tsm_keras.checkpoints.naming.base import Naming, Row

_BLOCK = r"stage_\d\d_block_\d\d"


def _block_rows(module: str, names: dict[str, str]) -> tuple[Row, ...]:
    return tuple(
        (f"{_BLOCK}_{part}", f"{module}.{name}") for part, name in names.items()
    )


PYTORCHVIDEO = Naming(
    name="pytorchvideo",
    rows={
        "x3d": (
            ("stem_conv", "blocks.0.conv.conv_t"),
            ("stem_channelwise", "blocks.0.conv.conv_xy"),
            ("stem_bn", "blocks.0.norm"),
            *_block_rows(
                "blocks.{stage}.res_blocks.{block}",
                {
                    "expand": "branch2.conv_a",
                    "expand_bn": "branch2.norm_a",
                    "channelwise": "branch2.conv_b",
                    "channelwise_bn": "branch2.norm_b.0",
                    "reduce": "branch2.norm_b.1.block.0",
                    "restore": "branch2.norm_b.1.block.2",
                    "project": "branch2.conv_c",
                    "project_bn": "branch2.norm_c",
                    "shortcut": "branch1_conv",
                    "shortcut_bn": "branch1_norm",
                },
            ),
            ("head_conv", "blocks.5.pool.pre_conv"),
            ("head_bn", "blocks.5.pool.pre_norm"),
            ("head_project", "blocks.5.pool.post_conv"),
            ("classifier", "blocks.5.proj"),
        )
    },
    is_3d=True,
)

SLOWFAST = Naming(
    name="slowfast",
    rows={
        "x3d": (
            ("stem_conv", "s1.pathway0_stem.conv_xy"),
            ("stem_channelwise", "s1.pathway0_stem.conv"),
            ("stem_bn", "s1.pathway0_stem.bn"),
            *_block_rows(
                "s{stage2}.pathway0_res{block}",
                {
                    "expand": "branch2.a",
                    "expand_bn": "branch2.a_bn",
                    "channelwise": "branch2.b",
                    "channelwise_bn": "branch2.b_bn",
                    "reduce": "branch2.se.fc1",
                    "restore": "branch2.se.fc2",
                    "project": "branch2.c",
                    "project_bn": "branch2.c_bn",
                    "shortcut": "branch1",
                    "shortcut_bn": "branch1_bn",
                },
            ),
            ("head_conv", "head.conv_5"),
            ("head_bn", "head.conv_5_bn"),
            ("head_project", "head.lin_5"),
            ("classifier", "head.projection"),
        )
    },
    is_3d=True,
)
