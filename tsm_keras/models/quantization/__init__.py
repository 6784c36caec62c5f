"""Quantization-aware networks: they round in float as int8 would."""
