"""Systems with known answers, synthetic recordings and strategies, for our tests and yours."""

from neurodyn.testing.recordings import synthetic_recording

__all__ = ["synthetic_recording"]
