"""Tells whether `from tensorflow import keras` is Keras 3 or tf_keras."""

from tensorflow import keras

# Only Keras 3 has `keras.ops`, and tf_keras lacks `keras.__version__`.
KERAS_3 = hasattr(keras, "ops")
KERAS_VERSION = keras.version() if KERAS_3 else "tf_keras"
