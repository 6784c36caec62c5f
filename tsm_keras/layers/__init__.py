"""Temporal layers for Keras, one a file."""

from tsm_keras.layers.batch_normalization import BatchNormalization
from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.non_local_block import NonLocalBlock
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.streaming_temporal_shift import StreamingTemporalShift
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.layers.unfold_time import UnfoldTime

__all__ = [
    "BatchNormalization",
    "FoldTime",
    "NonLocalBlock",
    "SegmentConsensus",
    "StreamingTemporalShift",
    "TemporalShift",
    "UnfoldTime",
]
