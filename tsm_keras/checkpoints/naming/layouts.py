"""Converts tensors of PyTorch to the axes of Keras, and back."""

import dataclasses

import numpy as np
from tensorflow import keras

from tsm_keras.layers.channelwise_convolution import ChannelwiseConvolution
from tsm_keras.models.config.head import belongs_to_head


@dataclasses.dataclass(frozen=True)
class Layout:
    """The change of axes for one kind of tensor.

    Attributes:
        name: A text that shows PyTorch's axes and then those of Keras.
        axes: The number of PyTorch's axis for each axis of Keras. Axes of size
            1 that Keras lacks come first.
        dropped: The number of axes that Keras lacks.
    """

    name: str
    axes: tuple[int, ...]
    dropped: int = 0

    def torch_shape(self, keras_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the tensor for a variable of this shape."""
        order = np.argsort(self.axes)
        return tuple(self._padded(keras_shape)[axis] for axis in order)

    def to_keras(self, tensor: np.ndarray) -> np.ndarray:
        """Returns the value of the Keras variable for a tensor, in float32."""
        turned = tensor.astype(np.float32).transpose(self.axes)
        return turned.reshape(turned.shape[self.dropped :])

    def to_torch(self, value: np.ndarray) -> np.ndarray:
        """Returns the tensor for the value of a Keras variable."""
        turned = value.reshape(self._padded(value.shape))
        return np.ascontiguousarray(turned.transpose(np.argsort(self.axes)))

    def _padded(self, keras_shape):
        return (1,) * self.dropped + tuple(keras_shape)


_AS_IT_IS = Layout("as it is", (0,))
_CONVOLUTION = Layout("OIHW -> HWIO", (2, 3, 1, 0))
_DEPTHWISE = Layout("C1HW -> HWC1", (2, 3, 0, 1))
_DENSE = Layout("OI -> IO", (1, 0))
_DENSE_CONVOLUTION = Layout("OI11 -> IO", (2, 3, 1, 0), dropped=2)
_DENSE_3D = Layout("OI111 -> IO", (2, 3, 4, 1, 0), dropped=3)
_CONVOLUTION_3D = Layout("OI1HW -> HWIO", (2, 3, 4, 1, 0), dropped=1)
_CHANNELWISE = Layout("C1THW -> THWC", (1, 2, 3, 4, 0), dropped=1)

# The suffix of the tensor for each variable, and its layout, in Keras's order.
_BATCH_NORM = (
    ("weight", _AS_IT_IS),
    ("bias", _AS_IT_IS),
    ("running_mean", _AS_IT_IS),
    ("running_var", _AS_IT_IS),
)


def tensor_layouts(
    name: str, layer: keras.layers.Layer, *, is_3d: bool = False
) -> tuple[tuple[str, Layout], ...]:
    """Returns the suffix and layout of the tensor for each variable of a layer.

    Args:
        name: The name of the layer, as `leaf_layers` yields it.
        layer: A convolution, batch normalization or dense layer.
        is_3d: Whether all layers of the PyTorch network except the classifier
            are 3-D convolutions.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        return _BATCH_NORM
    if isinstance(layer, ChannelwiseConvolution):
        return (("weight", _CHANNELWISE),)
    if isinstance(layer, keras.layers.Dense):
        # After the pool, PyTorch's networks go on with 1x1 convolutions.
        after_pool = _DENSE_3D if is_3d else _DENSE_CONVOLUTION
        kernel = _DENSE if belongs_to_head(name) else after_pool
    elif isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = _DEPTHWISE
    else:
        # PyTorch's non-local blocks use 3-D convolutions on whole clips.
        kernel = _CONVOLUTION_3D if is_3d or "/" in name else _CONVOLUTION
    return (("weight", kernel), ("bias", _AS_IT_IS))[: len(layer.weights)]
