"""Which Keras `from tensorflow import keras` gives: 3, or tf_keras (2)."""

from tensorflow import keras

# `keras.ops` came with Keras 3. (`keras.__version__` is missing in tf_keras.)
KERAS_3 = hasattr(keras, "ops")
KERAS_VERSION = keras.version() if KERAS_3 else "tf_keras"
