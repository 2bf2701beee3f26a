"""From weights to a model bundle."""
