"""One face for every kind of linear operator: arrays, numpy objects, torch objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.errors import NumericsError

__all__ = ["Operator", "as_operator"]


class Operator:
    """A square real operator on torch rows, that counts its products and refuses what is not finite.

    Attributes
    ----------
    n : int
    dtype : torch.dtype
    device : torch.device
    n_products : int
        Vectors multiplied so far, transposed ones included.
    """

    def __init__(self, n: int, dtype: torch.dtype, device: torch.device, forward: Callable, backward: Callable | None, *, where: str) -> None:
        self.n, self.dtype, self.device, self.where = n, dtype, device, where
        self.n_products = 0
        self._forward, self._backward = forward, backward

    @property
    def epsilon(self) -> float:
        """Unit roundoff of the operator's precision."""
        return float(torch.finfo(self.dtype).eps)

    def block(self, vectors: Tensor) -> Tensor:
        """One product a row, (k, n)."""
        return self._apply(self._forward, vectors)

    def rblock(self, vectors: Tensor) -> Tensor:
        """One transposed product a row, (k, n)."""
        if self._backward is None:
            raise NumericsError(
                self.where, "the operator has no transposed product", expected="`rmatvec` or `rblock`", fix="left=False, or an operator with rmatvec"
            )
        return self._apply(self._backward, vectors)

    def transposed(self) -> Operator:
        """The transposed operator."""
        return Operator(self.n, self.dtype, self.device, self.rblock, self.block, where=self.where)

    def matrix(self, *, batch_size: int = 64) -> np.ndarray:
        """The operator as an array, (n, n), float64."""
        eye = torch.eye(self.n, dtype=self.dtype, device=self.device)
        rows = [self.block(eye[i : i + batch_size]) for i in range(0, self.n, batch_size)]
        return torch.cat(rows).t().double().cpu().numpy()

    def _apply(self, product: Callable, vectors: Tensor) -> Tensor:
        self.n_products += len(vectors)
        out = product(vectors)
        if tuple(out.shape) != tuple(vectors.shape):
            raise NumericsError(
                self.where, f"the operator returned shape {tuple(out.shape)} for {tuple(vectors.shape)}", expected=f"vectors of {self.n} entries"
            )
        if not bool(torch.isfinite(out.sum())) and not bool(torch.isfinite(out).all()):
            raise NumericsError(
                self.where,
                f"the operator returned NaN or infinity (product {self.n_products})",
                expected="finite values",
                fix="check the state it is linearised at, and the weights",
            )
        return out.detach()


def as_operator(operator: Any, *, where: str) -> Operator:
    """Wrap an array, or an object with ``shape`` and ``matvec``, numpy or torch.

    Parameters
    ----------
    operator : array, (n, n), Tensor, (n, n), or object
        ``matvec`` takes and returns a vector; ``block`` (one vector a row), ``rmatvec`` and ``rblock`` are used where present.
        An object whose ``dtype`` is a torch dtype is given tensors, others numpy arrays, or tensors where arrays fail.
    where : str
        The function on whose behalf errors are raised.

    Raises
    ------
    NumericsError
        For operators that are not square, real and finite.

    Examples
    --------
    >>> as_operator(np.eye(3), where="doctest").n
    3
    """
    if isinstance(operator, Operator):
        return operator
    shape = tuple(getattr(operator, "shape", ()) or ())
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 1:
        raise NumericsError(where, f"`operator` has shape {shape}", expected="a square operator (n, n)")
    if isinstance(operator, np.ndarray | Tensor):
        return _from_array(operator, where)
    if not callable(getattr(operator, "matvec", None)):
        raise NumericsError(where, f"`operator` is a {type(operator).__name__} without `matvec`", expected="an array, or an object with .shape and .matvec")
    n, dtype = int(shape[0]), getattr(operator, "dtype", None)
    if isinstance(dtype, torch.dtype):
        device = torch.device(getattr(operator, "device", "cpu"))
        return Operator(n, dtype, device, _rows(operator, "block", "matvec") or operator.matvec, _rows(operator, "rblock", "rmatvec"), where=where)
    if dtype is not None and np.dtype(dtype).kind == "c":
        raise NumericsError(where, "`operator` is complex", expected="a real operator", fix="its real form [[Re, -Im], [Im, Re]]")
    forward, backward = _rows(operator, "block", "matvec"), _rows(operator, "rblock", "rmatvec")
    assert forward is not None
    if _takes_tensors(operator, n):
        return Operator(n, torch.float64, torch.device("cpu"), forward, backward, where=where)
    kind = torch.float32 if dtype is not None and np.dtype(dtype) == np.float32 else torch.float64
    single, transposed = (_numpy_rows(operator, name, kind) for name in ("matvec", "rmatvec"))
    assert single is not None
    return Operator(n, kind, torch.device("cpu"), single, transposed, where=where)


def _from_array(array: np.ndarray | Tensor, where: str) -> Operator:
    matrix = torch.as_tensor(array).detach()
    if matrix.is_complex():
        raise NumericsError(where, "`operator` is complex", expected="a real operator", fix="its real form [[Re, -Im], [Im, Re]]")
    if not matrix.is_floating_point():
        matrix = matrix.double()
    if not bool(torch.isfinite(matrix).all()):
        raise NumericsError(where, "`operator` holds NaN or infinity", expected="finite values")
    return Operator(len(matrix), matrix.dtype, matrix.device, lambda v: v @ matrix.t(), lambda v: v @ matrix, where=where)


def _rows(operator: Any, block: str, single: str) -> Callable | None:
    if callable(getattr(operator, block, None)):
        return getattr(operator, block)
    product = getattr(operator, single, None)
    if not callable(product):
        return None
    return lambda vectors: torch.stack([torch.as_tensor(product(v)).reshape(-1) for v in vectors])


def _numpy_rows(operator: Any, single: str, dtype: torch.dtype) -> Callable | None:
    product = getattr(operator, single, None)
    if not callable(product):
        return None

    def apply(vectors: Tensor) -> Tensor:
        out = np.stack([np.asarray(product(v)).reshape(-1) for v in vectors.numpy()])
        if out.dtype.kind == "c":
            raise NumericsError("as_operator", "`operator` is complex", expected="a real operator", fix="its real form [[Re, -Im], [Im, Re]]")
        return torch.from_numpy(out).to(dtype)

    return apply


def _takes_tensors(operator: Any, n: int) -> bool:
    """Whether an object without a torch dtype wants tensors: it fails on an array and answers a tensor with a tensor."""
    try:
        operator.matvec(np.zeros(n))
    except (TypeError, AttributeError, RuntimeError):
        try:
            return isinstance(operator.matvec(torch.zeros(n, dtype=torch.float64)), Tensor)
        except (TypeError, AttributeError, RuntimeError):
            return False
    return False
