"""Generated videos of moving objects with boxes, for the detector."""
