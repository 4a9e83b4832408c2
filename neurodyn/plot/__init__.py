"""Axes-level plots of saved results: no torch, no analysis."""
