"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""
