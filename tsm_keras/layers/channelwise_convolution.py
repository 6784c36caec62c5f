"""ChannelwiseConvolution: convolves each channel in time and in space."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from tsm_keras.layers.delay_frames import delay_frames
from tsm_keras.layers.unfold_time import positive_integer


@keras.utils.register_keras_serializable(package="tsm_keras")
class ChannelwiseConvolution(keras.layers.Layer):
    """Convolves each channel by itself in time, height and width, in rank 4.

    The convolution is a sum of 2-D depthwise convolutions: one of each frame
    that the kernel covers. If `num_segments` is given, the layer takes whole
    clips and finds these frames itself, in the form that trains fastest. If
    `has_cache` is true, it takes one frame of a stream at a time and what it
    remembers of the earlier ones, in the form that is fastest in LiteRT
    (`docs/performance.md` compares the forms). Otherwise it takes a list of the
    frames, the earliest first. All forms have the same weight, `kernel`, of
    shape `[frames, height, width, C]`. There is no bias.

    A cache stacks images along its height. For a kernel in time only, they are
    the earlier frames, the earliest first. For a kernel in time and space, they
    are sums of convolutions that are due in the next step, in the one after it
    and so on, which are smaller than the frames if there is a stride.

    Example:
    >>> frames = tf.random.uniform([2 * 8, 56, 56, 24])  # 2 clips of 8 frames
    >>> ChannelwiseConvolution((3, 3, 3), num_segments=8)(frames).shape
    TensorShape([16, 56, 56, 24])

    Args:
        kernel_size: The frames, the height and the width of the kernel. Height
            and width are odd.
        strides: The stride in height and width.
        dilation: The number of frames from one frame of the kernel to the next.
        causal: Whether the kernel covers the present and earlier frames only.
            Otherwise its middle is the present frame.
        num_segments: Frames per clip, T; None if the input is a list or a pair.
        has_cache: Whether the input is a frame of a stream and a cache. The
            kernel must be causal and cover more than one frame.
        kernel_initializer: Initializes the kernel.

    Input shape: `[B * T, H, W, C]`; or a list of `[N, H, W, C]`, one per frame
        of the kernel; or a pair `(frame, cache)`, `[N, H, W, C]` and what
        `cache_shape` returns. Height and width are padded with zeros on both
        sides, and so is time.
    Output shape: `[..., H / strides, W / strides, C]`, rounded up. With a cache
        a pair `(result, new_cache)`. `new_cache` is a new tensor that nothing
        else uses, because some GPU delegates compute wrong values otherwise.

    Raises:
        ValueError: If an argument is not a positive integer, height or width of
            the kernel is even, the list has another length than the kernel, or
            a kernel with a cache is not causal.
    """

    def __init__(
        self,
        kernel_size: Sequence[int],
        *,
        strides: int = 1,
        dilation: int = 1,
        causal: bool = False,
        num_segments: int | None = None,
        has_cache: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        frames, height, width = kernel_size
        for size in kernel_size:
            positive_integer("kernel_size", size)
        if height % 2 == 0 or width % 2 == 0:
            raise ValueError(
                "Height and width of `kernel_size` must be odd. "
                f"Received: kernel_size={tuple(kernel_size)}"
            )
        if num_segments is not None:
            positive_integer("num_segments", num_segments)
        if has_cache and (not causal or frames == 1 or num_segments):
            raise ValueError(
                "With a cache the kernel must be causal and cover more than "
                "one frame, and there are no clips. Received: "
                f"causal={causal}, kernel_size={tuple(kernel_size)}, "
                f"num_segments={num_segments}"
            )
        self.kernel_size = (frames, height, width)
        self.strides = positive_integer("strides", strides)
        self.dilation = positive_integer("dilation", dilation)
        self.causal = causal
        self.num_segments = num_segments
        self.has_cache = has_cache
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def _is_in_time_only(self):
        return self.kernel_size[1:] == (1, 1) and self.strides == 1

    @property
    def remembers(self) -> int:
        """The number of earlier frames that a causal kernel covers."""
        return (self.kernel_size[0] - 1) * self.dilation

    def cache_shape(self, frame_shape: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the shape of the cache for frames `[N, H, W, C]`."""
        batch, height, width, channels = self._result_shape(frame_shape)
        return (batch, self.remembers * height, width, channels)

    def build(self, input_shape):
        if self.has_cache:
            input_shape, _ = input_shape
        elif self.num_segments is None:
            if len(input_shape) != self.kernel_size[0]:
                raise ValueError(
                    "The list must have one tensor per frame of the kernel. "
                    f"Received: {len(input_shape)} tensors, "
                    f"kernel_size={self.kernel_size}"
                )
            input_shape = input_shape[0]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, input_shape[-1]),
            initializer=self.kernel_initializer,
        )
        self.built = True

    def call(self, inputs):
        kernel = tf.convert_to_tensor(self.kernel)
        if self.has_cache and self._is_in_time_only:
            return self._filter_frames(*inputs, kernel)
        if self.has_cache:
            return self._add_up_results(*inputs, kernel)
        if self.num_segments is None:
            frames = zip(inputs, tf.unstack(kernel), strict=True)
            return _sum([self._convolve(x, weights) for x, weights in frames])
        if self._is_in_time_only:
            return self._convolve_in_time(inputs, kernel)
        # Results are delayed and not inputs: they are smaller if the
        # convolution has a stride.
        offsets = frame_offsets(
            self.kernel_size[0], self.dilation, causal=self.causal
        )
        return _sum(
            [
                delay_frames(
                    self._convolve(inputs, weights), self.num_segments, offset
                )
                for offset, weights in zip(
                    offsets, tf.unstack(kernel), strict=True
                )
            ]
        )

    def compute_output_shape(self, input_shape):
        if self.has_cache:
            frame, cache = input_shape
            return self._result_shape(frame), tuple(cache)
        if self.num_segments is None:
            input_shape = input_shape[0]
        return self._result_shape(input_shape)

    def _result_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (
            None if size is None else -(-size // self.strides)
            for size in (height, width)
        )
        return (batch, height, width, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation": self.dilation,
            "causal": self.causal,
            "num_segments": self.num_segments,
            "has_cache": self.has_cache,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _convolve(self, x, weights):
        """Applies one frame of the kernel, `[height, width, C]`."""
        _, height, width = self.kernel_size
        padding = "SAME"
        if self.strides > 1:  # Here SAME may pad one side only.
            sides = [[0, 0], [height // 2] * 2, [width // 2] * 2, [0, 0]]
            x, padding = tf.pad(x, sides), "VALID"
        # A kernel of one pixel is not a multiplication: in int8 that would
        # have one scale for all channels, and the GPU got it wrong.
        return tf.nn.depthwise_conv2d(
            x, weights[..., None], [1, self.strides, self.strides, 1], padding
        )

    def _filter_frames(self, frame, cache, kernel):
        """Convolves the frames of a stream as if time were height."""
        height = frame.shape[1]
        frames = tf.concat([cache, frame], axis=1)
        result = tf.nn.depthwise_conv2d(
            frames,
            kernel[:, 0, :, :, None],
            [1, 1, 1, 1],
            "VALID",
            dilations=[self.dilation * height, 1],
        )
        return result, frames[:, height:]

    def _add_up_results(self, frame, cache, kernel):
        """Adds the results for a frame of a stream to the sums in its cache."""
        due = [
            self._convolve(frame, weights)
            for weights in reversed(tf.unstack(kernel))
        ]
        height = due[0].shape[1]
        sums = []
        for step in range(self.remembers + 1):
            parts = []
            if step < self.remembers:
                parts.append(cache[:, step * height : (step + 1) * height])
            if step % self.dilation == 0:
                parts.append(due[step // self.dilation])
            sums.append(_sum(parts))
        result, *later = sums
        return result, tf.concat(later, axis=1)

    def _convolve_in_time(self, x, kernel):
        """Convolves clips in time as if time and space were an image."""
        frames = self.kernel_size[0]
        _, height, width, channels = x.shape
        if None in (height, width):
            height, width = tf.unstack(tf.shape(x)[1:3])
        offsets = frame_offsets(frames, self.dilation, causal=self.causal)
        images = tf.reshape(
            x, [-1, self.num_segments, height * width, channels]
        )
        padding = "SAME"
        if offsets[0] != -offsets[-1]:  # SAME pads both ends equally.
            padding = "VALID"
            images = tf.pad(
                images, [[0, 0], [offsets[0], -offsets[-1]], [0, 0], [0, 0]]
            )
        images = tf.nn.depthwise_conv2d(
            images,
            kernel[:, 0, :, :, None],
            [1, 1, 1, 1],
            padding,
            dilations=[self.dilation, 1],
        )
        return tf.reshape(images, [-1, height, width, channels])


def frame_offsets(
    frames: int, dilation: int = 1, *, causal: bool
) -> tuple[int, ...]:
    """Returns how many frames ago each frame of a kernel was, in order.

    >>> frame_offsets(3, causal=False)
    (1, 0, -1)

    Args:
        frames: The number of frames that the kernel covers.
        dilation: The number of frames from one to the next.
        causal: Whether the last one is the present frame. Otherwise the middle
            one is; of an even number, the earlier of the two in the middle.
    """
    ahead = 0 if causal else frames // 2
    return tuple(
        dilation * (frames - 1 - ahead - index) for index in range(frames)
    )


def _sum(tensors):
    # TFLite cannot quantize `tf.add_n`.
    return functools.reduce(tf.add, tensors)
