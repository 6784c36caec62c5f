"""What shows a live run: a window, a web page, a video file."""
