"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""

from neurodyn.analysis.robustness import robustness

__all__ = ["robustness"]
