"""What training does to clips: crops, colour, mixing, mirroring."""
