"""The main loop of a live run and the state that views show."""
