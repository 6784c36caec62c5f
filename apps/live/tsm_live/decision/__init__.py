"""From the logits of a stream to gestures with a start and an end."""
