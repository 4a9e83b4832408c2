"""Softmax regression trained by Adam with Brain-Score's settings, in torch."""

from __future__ import annotations

import numpy as np

from neurodyn.seeding import numpy_generator, torch_generator

__all__ = ["softmax_probabilities"]


def softmax_probabilities(
    X: np.ndarray,
    labels: np.ndarray,
    U: np.ndarray,
    n_classes: int,
    *,
    learning_rate: float = 1e-4,
    batch_size: int = 64,
    max_epochs: int = 40,
    decay: float = 0.463,
    tol: float = 1e-4,
    seed: int,
) -> np.ndarray:
    """Train on rows and give class probabilities for other rows.

    Parameters
    ----------
    X : array, (row, feature)
        z-scored by its own statistics.
    labels : int array, (row)
    U : array, (row, feature)
    n_classes : int
    learning_rate, batch_size, max_epochs, decay, tol
        Adam; the loss is cross-entropy plus decay / 2 times the squared weights and biases; training stops after an epoch whose last batch has a
        cross-entropy under `tol`.
    seed : int

    Returns
    -------
    float64 array, (row, class)
    """
    import torch
    import torch.nn.functional as F

    mean, std = X.mean(axis=0), X.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    inputs = torch.from_numpy(((X - mean) / std).astype(np.float32))
    target = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    draw = torch_generator(seed, "softmax_decoder", "weights")
    scale = (1.0 / X.shape[1]) ** 0.5  # variance scaling, fan in
    weight = (torch.randn(X.shape[1], n_classes, generator=draw) * scale).clamp(-2 * scale, 2 * scale).requires_grad_()
    bias = torch.ones(n_classes, requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], lr=learning_rate)
    order = numpy_generator(seed, "softmax_decoder", "batches")
    for _ in range(max_epochs):
        loss = torch.tensor(float("inf"))
        for start in range(0, len(inputs), batch_size):
            if start == 0:
                shuffled = torch.from_numpy(order.permutation(len(inputs)))
            rows = shuffled[start : start + batch_size]
            loss = F.cross_entropy(inputs[rows] @ weight + bias, target[rows])
            optimiser.zero_grad()
            (loss + 0.5 * decay * (weight.square().sum() + bias.square().sum())).backward()
            optimiser.step()
        if float(loss.detach()) < tol:
            break
    with torch.no_grad():
        held = torch.from_numpy(((U - mean) / std).astype(np.float32))
        return torch.softmax(held @ weight + bias, dim=1).double().numpy()
