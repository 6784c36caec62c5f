"""How the weights of a network change: optimizers, rates and freezing."""
