"""The loss and the metrics of each task, and the labels that they take."""
