"""Algorithms on arrays and linear operators: no labels, no models."""
