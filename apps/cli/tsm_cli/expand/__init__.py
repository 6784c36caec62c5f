"""The command `tsm expand`: finds a network for a budget."""
