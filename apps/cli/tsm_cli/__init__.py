"""The `tsm` command."""
