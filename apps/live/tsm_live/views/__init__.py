"""The views of a live run: a window, a web page and a video file."""
