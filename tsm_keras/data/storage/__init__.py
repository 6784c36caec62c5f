"""The prepared data set: records, their index and `dataset.json`."""
