"""The `tsm predict` command: classes of videos, or events in them."""
