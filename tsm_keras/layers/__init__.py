"""Temporal layers for Keras, one per file."""

from tsm_keras.layers.batch_normalization import BatchNormalization
from tsm_keras.layers.channelwise_convolution import ChannelwiseConvolution
from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.layers.unfold_time import UnfoldTime

__all__ = [
    "BatchNormalization",
    "ChannelwiseConvolution",
    "FoldTime",
    "NonLocalBlock",
    "SegmentConsensus",
    "TemporalShift",
    "UnfoldTime",
]
