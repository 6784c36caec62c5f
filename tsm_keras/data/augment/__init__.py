"""Augmentation of clips: crops, colour, RandAugment, mixing, mirroring."""
