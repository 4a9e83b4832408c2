"""Experiments: a YAML specification becomes cells, artefacts and figures."""
