"""The `tsm-live` command."""
