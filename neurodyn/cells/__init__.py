"""Recurrent cells, one a file: the file's name is the key."""

from neurodyn.cells._interface import Cell, CellModel, as_model, cell_module, make_config, zero_state

__all__ = ["Cell", "CellModel", "as_model", "cell_module", "make_config", "zero_state"]
