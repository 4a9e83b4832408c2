"""Training recipes, one a model family."""
