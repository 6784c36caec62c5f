"""Detection of gestures, with a start and an end, in a stream of logits."""
