"""The recipe of the adaptive networks: it learns, resumes to the bit, and every method trains what it says."""

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.architectures import adrnn
from neurodyn.errors import ConfigError
from neurodyn.training.recipes import adrnn as recipe
from neurodyn.training.recipes._adrnn_data import as_batch, draw_unseen, make_pools, seen_images, shuffled

TINY = recipe.Parameters(
    levels=(3, 5), n_pool=12, n_epochs=2, n_batches=2, batch_size=4, n_steps=6, least_steps=3, n_validation=4, n_test=4, warm_share=0.5, unit_share=0.5
)


def network(**changes):
    return adrnn.build(dataclasses.replace(adrnn.SMALL, norm="channel", **changes), seed=0)


@pytest.mark.parametrize("method", recipe.METHODS)
def test_every_method_trains_and_reports(method, tmp_path):
    halting = method if method in ("act", "ponder") else "none"
    model = network(halting=halting)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    metrics = recipe.train(model, dataclasses.replace(TINY, method=method), seed=0, folder=tmp_path, progress=False)
    after = model.state_dict()
    assert any(not torch.equal(before[k], after[k]) for k in before if k.startswith("cell"))
    if halting != "none":
        assert not torch.equal(before["halt.weight"], after["halt.weight"]) and 0 <= metrics["unfinished_5"] <= 1
    assert {"accuracy_3", "iou_5"} <= set(metrics) and all(0 <= v <= 6 for v in metrics.values())


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path):
    whole = network()
    recipe.train(whole, TINY, seed=1, folder=tmp_path / "whole", progress=False)

    class Stopped(Exception):
        pass

    def halt_after_one_epoch(*args, **kwargs):
        if halt_after_one_epoch.calls == 1:
            raise Stopped
        halt_after_one_epoch.calls += 1
        return real(*args, **kwargs)

    halt_after_one_epoch.calls = 0
    real, recipe.measure = recipe.measure, halt_after_one_epoch
    try:
        with pytest.raises(Stopped):
            recipe.train(network(), TINY, seed=1, folder=tmp_path / "parts", progress=False)
    finally:
        recipe.measure = real
    parts = network()
    recipe.train(parts, TINY, seed=1, folder=tmp_path / "parts", progress=False)
    assert all(torch.equal(v, parts.state_dict()[k]) for k, v in whole.state_dict().items())


def test_the_unit_alone_gets_the_gradient_when_it_is_trained_alone():
    model = network()
    pool = make_pools("mazes", (5,), 4, seed=0, options={}, task="mask")[5]
    loss, _ = recipe._loss(model, as_batch(pool.images, pool.targets), TINY, "act unit", 0)
    loss.backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None}
    assert reached == {"halt.weight", "halt.bias"} and all(p.requires_grad for p in model.parameters())


def test_a_network_that_halts_at_once_still_learns_when_to_halt():
    """Stopping the training where the median halts would leave one step, a certain distribution, and no gradient."""
    model = network(halting="ponder", halting_bias=2.0)
    pool = make_pools("mazes", (5,), 4, seed=0, options={}, task="mask")[5]
    loss, _ = recipe._loss(model, as_batch(pool.images, pool.targets), dataclasses.replace(TINY, method="ponder"), "ponder", 0)
    loss.backward()
    assert float(model.halt.bias.grad.abs().max()) > 0


def test_the_price_of_a_step_raises_the_halting_probability():
    model = network()
    pool = make_pools("mazes", (5,), 8, seed=0, options={}, task="mask")[5]
    batch = as_batch(pool.images, pool.targets)
    for tau, sign in ((0.0, None), (10.0, -1.0)):  # a step so dear that only stopping counts
        model.zero_grad()
        recipe._loss(model, batch, dataclasses.replace(TINY, tau=tau, n_steps=20), "act", 0)[0].backward()
        if sign is not None:
            assert float(model.halt.bias.grad) * sign > 0


def test_pathfinder_pools_carry_contours_or_labels():
    options = {"canvas": 96, "image_size": 48, "geometry": {"padding": 10, "seed_border": 28}, "n_distractors": 1}
    marked = make_pools("pathfinder", (3,), 3, seed=0, options=options, task="mask")[3]
    named = make_pools("pathfinder", (3,), 3, seed=0, options=options, task="class")[3]
    assert marked.images.shape == (3, 1, 48, 48) and marked.targets.shape == (3, 48, 48) and named.targets.shape == (3,)
    batch = as_batch(marked.images, marked.targets)
    assert bool((batch.weights[batch.targets > 0] == 1).all())


def test_test_mazes_do_not_occur_in_training_however_they_are_turned():
    pools = make_pools("mazes", (5, 7), 300, seed=0, options={}, task="mask")
    seen = seen_images(pools)
    how = {"seed": 1, "options": {}, "task": "mask", "seen": seen}
    new = draw_unseen("mazes", 7, 30, **how)
    assert not new.in_training.any() and len(set(new.stimulus_id.values)) == 30
    images = np.round(new.values * 255).astype(np.uint8)
    turned = {np.rot90(i, k, axes=(1, 2))[..., ::m].tobytes() for i in pools[7].images for k in range(4) for m in (1, -1)}
    assert not turned & {i.tobytes() for i in images}
    assert int((~draw_unseen("mazes", 7, 30, **how | {"seen": set()}).in_training).sum()) == 30
    few = draw_unseen("mazes", 5, 20, **how, n_draws=40)  # hardly any maze of size 5 is new; the places are filled, and it is told
    assert few.sizes["presentation"] == 20 and int(few.in_training.sum()) > 10


def test_traces_turn_with_their_displays_and_mark_the_joined_contour_alone():
    options = {"canvas": 96, "image_size": 48, "geometry": {"padding": 8, "seed_border": 20}, "n_distractors": 1, "matched": True}
    pool = make_pools("pathfinder", (3,), 8, seed=0, options=options, task="class")[3]
    assert {0, 1} == set(pool.targets) and pool.traces.shape == (8, 48, 48)
    assert ((pool.traces == 1).any(axis=(1, 2)) == (pool.targets == 1)).all() and (pool.images[:, 0][pool.traces >= 0] > 30).mean() > 0.95
    for batch in shuffled({3: pool}, 6, 4, torch.Generator().manual_seed(0)):
        assert float((batch.images[:, 0][batch.traces >= 0] > 0.12).float().mean()) > 0.95


def test_marking_the_contour_trains_the_maps_under_the_class():
    options = {"canvas": 96, "image_size": 48, "geometry": {"padding": 8, "seed_border": 20}, "n_distractors": 0}
    p = dataclasses.replace(TINY, generator="pathfinder", levels=(3,), options=options, trace=1.0)
    model = network(stem="gabor", task="class", image_channels=1, image_size=48, stem_kernel=5)
    pool = make_pools("pathfinder", (3,), 4, seed=0, options=options, task="class")[3]
    batch = as_batch(pool.images, pool.targets, pool.traces)
    both, told = recipe._loss(model, batch, p, "warm", 0)
    alone, _ = recipe._loss(model, batch, dataclasses.replace(p, trace=0.0), "warm", 0)
    assert float(both.detach()) == pytest.approx(float(alone.detach()) + told["trace"], rel=1e-5) and told["trace"] > 0


class Marking:
    """Stands for a network whose second map is given."""

    def __init__(self, marked):
        self.marked = marked

    def maps(self, out):
        return torch.stack([torch.zeros_like(self.marked), self.marked], dim=1)


def test_places_with_ink_and_empty_ones_count_alike_whatever_their_number():
    traces = torch.full((1, 8, 8), -1, dtype=torch.int8)  # a map of 4 x 4 places: one joined, one other, 14 empty
    traces[0, 0, 1], traces[0, 5, 5] = 1, 0
    marked = torch.zeros(1, 4, 4)
    marked[0, 0, 0], marked[0, 2, 2], marked[0, 3, 3] = 1.0, 2.0, 3.0
    cost = {"joined": np.log1p(np.exp(-1.0)), "other": np.log1p(np.exp(2.0)), "empty": np.log1p(np.exp(3.0))}
    expected = (cost["joined"] + cost["other"]) / 2 + (cost["empty"] + 13 * np.log(2)) / 14
    assert float(recipe._trace_loss(Marking(marked), {"out": marked[:, None]}, traces)) == pytest.approx(expected, rel=1e-6)
    full = recipe._trace_loss(Marking(marked), {"out": marked[:, None]}, torch.zeros_like(traces))  # no place is empty
    assert float(full) == pytest.approx(float(torch.log1p(marked.exp()).mean()), rel=1e-6)


HALF = [("locrnn", "none", method) for method in ("warm", "fixed", "progressive")]
HALF += [(cell, norm, "warm") for cell in ("locrnn", "hgru", "conv_gru", "r_resnet", "feedforward") for norm in ("channel", "map", "none")]


@pytest.mark.parametrize(("cell", "norm", "method"), sorted(set(HALF)))
def test_half_precision_changes_the_loss_a_little_and_trains_all_that_full_precision_does(cell, norm, method):
    looks = {"stem": "gabor", "task": "class", "image_channels": 1, "image_size": 48, "stem_kernel": 5, "halting": "none"}
    model = adrnn.build(dataclasses.replace(adrnn.SMALL, cell=cell, norm=norm, **looks), seed=0)
    options = {"canvas": 96, "image_size": 48, "geometry": {"padding": 8, "seed_border": 20}, "n_distractors": 1}
    pool = make_pools("pathfinder", (3,), 4, seed=0, options=options, task="class")[3]
    batch, found = as_batch(pool.images, pool.targets, pool.traces), {}
    for precision in recipe.PRECISIONS:
        p = dataclasses.replace(TINY, generator="pathfinder", levels=(3,), options=options, trace=1.0, method="fixed", precision=precision)
        model.zero_grad()
        loss, _ = recipe._loss(model, batch, p, method, 0)
        loss.backward()
        found[precision] = float(loss.detach()), {name for name, w in model.named_parameters() if w.grad is not None and bool(w.grad.abs().max() > 0)}
    (full, reached), (half, reached_too) = found["float32"], found["bfloat16"]
    assert half == pytest.approx(full, rel=0.02) and half != full and reached_too == reached


BAD = [
    (lambda: recipe.Parameters(precision="float16"), "did you mean `bfloat16`"),
    (lambda: recipe.Parameters(method="acts"), "did you mean `act`"),
    (lambda: recipe.Parameters(generator="maze"), "did you mean `mazes`"),
    (lambda: recipe.Parameters(levels=()), "`levels` is empty"),
    (lambda: recipe.Parameters(warm_share=0.9, unit_share=0.2), "sum to 1"),
    (lambda: recipe.Parameters(least_steps=30), "1..24"),
    (lambda: recipe.Parameters(n_pool=0), "1 or more"),
    (lambda: recipe.Parameters(trace=1.0), 'generator="pathfinder"'),
]


@pytest.mark.parametrize(("call", "match"), BAD)
def test_bad_settings(call, match):
    with pytest.raises(ConfigError, match=match):
        call()


def test_a_method_for_another_kind_of_network_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='halting="none"'):
        recipe.train(network(), dataclasses.replace(TINY, method="fixed"), seed=0, folder=tmp_path)


def test_a_trace_under_a_mask_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='task="class"'):
        recipe.train(network(), dataclasses.replace(TINY, generator="pathfinder", trace=1.0), seed=0, folder=tmp_path)
