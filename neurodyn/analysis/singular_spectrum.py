"""All singular values of a layer's recurrent weights: how strongly they stretch activity, and how that depends on the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import ConvolutionOperator, dense
from neurodyn.dynamics.simulate import layer_shapes
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.numerics import circulant

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["singular_spectrum"]

MOST_UNITS = 6000


def singular_spectrum(model: DynamicalModel, *, layer: str, keep_matrix: bool = False) -> xr.Dataset:
    """Every singular value of the bare recurrent weights of one layer, flattened to a matrix, and of the same kernel without borders.

    Parameters
    ----------
    model : DynamicalModel
        With the optional member ``recurrent_kernel``.
    layer : str
    keep_matrix : bool
        Also return the matrix itself and the kernel.

    Returns
    -------
    Dataset
        ========================  ============================  =====  ================================================================
        variable                  dims                          units  meaning
        ========================  ============================  =====  ================================================================
        singular_value            (rank)                        1      largest first; zero padding, as the model computes
        singular_value_circular   (rank)                        1      the same with the map closed to a torus (convolutions only)
        share_nonzero             ()                            1      of the entries of the matrix
        matrix                    (unit, other_unit)            1      with `keep_matrix`
        weights                   (channel, other_channel,      1      with `keep_matrix` (convolutions only)
                                  kernel_row, kernel_column)
        ========================  ============================  =====  ================================================================

    Raises
    ------
    ModelError
        If the model offers no ``recurrent_kernel``.
    ConfigError
        An unknown layer, or one of more than 6,000 units, whose matrix would be too large.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> singular_spectrum(linear_network([0.5, -0.25]), layer="x").singular_value.values.round(4).tolist()
    [0.5, 0.25]
    """
    if not hasattr(model, "recurrent_kernel"):
        raise ModelError("singular_spectrum", f"{type(model).__name__} has no `recurrent_kernel`", expected="a model that offers its recurrent weights")
    shapes = layer_shapes(model)
    if layer not in shapes:
        raise unknown_name("singular_spectrum", "layer", layer, shapes)
    shape = tuple(shapes[layer])
    n = int(np.prod(shape))
    if n > MOST_UNITS:
        raise ConfigError(
            "singular_spectrum",
            f"layer `{layer}` has {n} units: a matrix of {8e-9 * n * n:.1f} GB",
            expected=f"at most {MOST_UNITS}",
            fix="non_normality(model, state, drive, operator='kernel', layer=..., n_modes=...), which computes the largest alone",
        )
    weight = model.recurrent_kernel(layer).detach().double()
    matrix = dense(ConvolutionOperator(weight, shape if weight.dim() == 4 else (n,))).cpu().numpy()
    found = {
        "singular_value": ("rank", np.linalg.svd(matrix, compute_uv=False), {"units": "1"}),
        "share_nonzero": ((), float((matrix != 0).mean()), {"units": "1"}),
    }
    if weight.dim() == 4:
        circular = circulant.convolution_singular_values(weight, (shape[1], shape[2])).reshape(-1)
        found["singular_value_circular"] = ("rank", np.sort(circular)[::-1], {"units": "1"})
    if keep_matrix:
        found["matrix"] = (("unit", "other_unit"), matrix.astype(np.float32), {"units": "1"})
        if weight.dim() == 4:
            found["weights"] = (("channel", "other_channel", "kernel_row", "kernel_column"), weight.cpu().numpy().astype(np.float32), {"units": "1"})
    return xr.Dataset(found, coords={"rank": np.arange(n)}, attrs={"layer": layer})
