"""The artifact: one model file that also says how to run it."""
