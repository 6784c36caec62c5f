"""The command `tsm evaluate`."""
