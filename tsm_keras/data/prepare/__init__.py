"""The `tsm prepare` command: from a collection to a prepared data set."""
