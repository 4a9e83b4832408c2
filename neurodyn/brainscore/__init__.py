"""The bridge to brainscore-vision, and the only place that imports it."""
