"""Videos and pictures: decoding, encoding, resizing, optical flow."""
