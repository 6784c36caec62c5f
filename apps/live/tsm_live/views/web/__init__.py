"""The web view: shows a live run in browsers."""
