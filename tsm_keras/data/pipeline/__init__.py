"""Batches of clips on tf.data: sampling, epochs and views."""
