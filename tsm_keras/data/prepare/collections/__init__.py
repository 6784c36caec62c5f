"""Sources of clips: one adapter a format, each a few lines."""
