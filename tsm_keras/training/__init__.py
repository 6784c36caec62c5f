"""Training of clip models: recipes, `fit`, run folders and `tsm train`."""
