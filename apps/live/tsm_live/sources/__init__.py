"""Sources of frames: cameras, network streams, files and pipes."""
