"""Stimulus generators, one family a file."""
