"""Which parts of a model's state act on each other both ways: the strongly connected components of its step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.dynamics.linearise import jacobian
from neurodyn.dynamics.vectorise import PhaseSpace, phase_space

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["components"]


def components(model: DynamicalModel, state: State, drive: Drive, layers: str | Sequence[str] | None = None) -> list[PhaseSpace]:
    """Groups of State keys that are connected both ways at a state, from the input upwards.

    Ordered so, the step Jacobian is block lower triangular: its eigenvalues are those of the groups' own blocks, and a residual within
    one block is the size of a change of that block alone that makes the eigenvalue exact for the whole.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        Points of linearisation; keys are connected where any row connects them.
    drive : Drive
        One row, or as many.
    layers : str or sequence of str, optional
        The part of the phase space that moves; all of it when absent.

    Returns
    -------
    list of PhaseSpace
        Every State key in one of them; a model with feedback through all its layers has one.

    Raises
    ------
    SchemaError, ConfigError, ModelError
        As :func:`neurodyn.dynamics.linearise.jacobian`.

    Notes
    -----
    One product a key, with a random vector: a block that is not zero sends almost every vector to something that is not zero.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> drive = model.encode(torch.ones(1, 2, 1, 1))
    >>> [group.keys for group in components(model, model.initial_state(drive), drive)]
    [('x',)]
    """
    import torch
    from scipy.sparse.csgraph import connected_components

    from neurodyn.seeding import torch_generator

    space = phase_space(model, state, layers)
    parts = [PhaseSpace((key,), (shape,)) for key, shape in zip(space.keys, space.shapes, strict=True)]
    if len(parts) == 1:
        return parts
    reaches = np.zeros((len(parts), len(parts)), bool)  # from, to
    for i, part in enumerate(parts):
        operator = jacobian(model, state, drive, inputs=part, outputs=space)
        probe = torch.randn(operator.n_states, part.size, generator=torch_generator(0, "components", space.keys[i]))
        moved = space.split(operator.block(probe.to(operator.device, operator.dtype)))
        reaches[i] = [bool((moved[other] != 0).any()) for other in space.keys]
    count, group = connected_components(reaches, directed=True, connection="strong")
    members = [np.nonzero(group == own)[0] for own in _upwards(reaches, group, count)]
    return [PhaseSpace(tuple(space.keys[i] for i in m), tuple(space.shapes[i] for i in m)) for m in members]


def _upwards(reaches: np.ndarray, group: np.ndarray, count: int) -> list[int]:
    """The groups in an order in which none acts on an earlier one; among free ones, the order of the keys."""
    before = {g: {int(group[i]) for i in np.nonzero(reaches[:, group == g].any(axis=1))[0]} - {g} for g in range(count)}
    left: list[int] = list(dict.fromkeys(int(g) for g in group))
    done: list[int] = []
    while left:
        done.append(next(g for g in left if before[g] <= set(done)))
        left.remove(done[-1])
    return done
