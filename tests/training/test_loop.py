import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.seeding import torch_generator
from neurodyn.training.loop import TrainConfig, _rate, _share, fit


class _Stop(RuntimeError):
    pass


def _module():
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.3)
    return module


def _batches(epoch, generator):
    for _ in range(5):
        x = torch.randn(6, 4, generator=generator)
        yield x, x.sum(1, keepdim=True)


def _loss(module, batch):
    value = (module(batch[0]) - batch[1]).pow(2).mean()
    return value, {"mse": float(value.detach())}


def _config(**changes):
    return TrainConfig(**{"n_epochs": 3, "batch_size": 6, "learning_rate": 0.01, "warmup_steps": 2, "schedule": "cosine", "checkpoint_every_s": 0.0, **changes})


def _rows(history):
    return [{k: v for k, v in row.items() if k not in ("elapsed_s", "cpu_s")} for row in history.rows]


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("stop_at", [1, 7, 10])
def test_killed_and_resumed_is_equal_to_the_bit(tmp_path, optimiser, stop_at):
    config = _config(optimiser=optimiser, clip_norm=0.5)
    whole = _module()
    expected = fit(whole, _batches, _loss, config, folder=tmp_path / "whole", n_batches=5, evaluate=lambda m: {"w": float(m[0].weight.detach().sum())})
    calls = []

    def killed(module, batch):
        calls.append(0)
        if len(calls) == stop_at + 1:
            raise _Stop
        return _loss(module, batch)

    with pytest.raises(_Stop):
        fit(_module(), _batches, killed, config, folder=tmp_path / "cut", n_batches=5)
    resumed = _module()
    found = fit(resumed, _batches, _loss, config, folder=tmp_path / "cut", n_batches=5, evaluate=lambda m: {"w": float(m[0].weight.detach().sum())})
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    done = stop_at // 5  # epochs evaluated before the cut had no evaluate
    assert _rows(found)[done:] == _rows(expected)[done:]
    lines = (tmp_path / "cut" / "history.jsonl").read_text().splitlines()
    assert [json.loads(x) for x in lines] == found.rows


def test_the_global_generator_is_left_alone(tmp_path):
    module, before = _module(), torch.random.get_rng_state()
    fit(module, _batches, _loss, _config(), folder=tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())


def test_it_learns_and_ends_in_eval_mode(tmp_path):
    module = _module()
    history = fit(module, _batches, _loss, _config(n_epochs=20, learning_rate=0.03), folder=tmp_path, n_batches=5)
    assert history.rows[-1]["loss"] < 0.5 * history.rows[0]["loss"]
    assert not module.training
    assert list(tmp_path.glob(".*")) == []


def test_more_epochs_go_on_from_the_folder(tmp_path):
    config = _config(schedule="constant")
    whole, parts = _module(), _module()
    fit(whole, _batches, _loss, config, folder=tmp_path / "a")
    fit(parts, _batches, _loss, _config(schedule="constant", n_epochs=1), folder=tmp_path / "b")
    fit(parts, _batches, _loss, config, folder=tmp_path / "b")
    assert torch.equal(whole[0].weight, parts[0].weight)


def test_schedule_in_closed_form():
    from neurodyn.training.loop import _Progress

    config = _config(n_epochs=2, warmup_steps=0, learning_rate=1.0)
    assert _rate(config, _Progress(0, 0, 0), 10) == 1.0
    assert _rate(config, _Progress(1, 0, 10), 10) == pytest.approx(0.5)
    assert _rate(config, _Progress(2, 0, 20), 10) == pytest.approx(0.0, abs=1e-15)
    assert _rate(_config(schedule="constant", warmup_steps=3, learning_rate=1.0), _Progress(0, 1, 1), 10) == 0.5


def test_processes_share_batches_without_overlap():
    shares = [list(_share(iter(range(7)), rank, 3)) for rank in range(3)]
    assert shares == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"optimiser": "adam"}, "did you mean `adamw`"),
        ({"schedule": "cosin"}, "did you mean `cosine`"),
        ({"n_epochs": 0}, "`n_epochs` is 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
    ],
)
def test_bad_settings(changes, match):
    with pytest.raises(ConfigError, match=match):
        _config(**changes)


def test_bad_input(tmp_path):
    with pytest.raises(NumericsError, match="the loss is nan at step 0"):
        fit(_module(), _batches, lambda m, b: (m(b[0]).sum() * float("nan"), {}), _config(), folder=tmp_path / "nan")
    assert not (tmp_path / "nan").exists()
    with pytest.raises(ConfigError, match="yielded nothing"):
        fit(_module(), lambda e, g: iter(()), _loss, _config(), folder=tmp_path / "none")
    fit(_module(), _batches, _loss, _config(), folder=tmp_path / "x")
    with pytest.raises(ConfigError, match=r"`learning_rate` is 0\.5 but the checkpoint was made with 0\.01"):
        fit(_module(), _batches, _loss, _config(learning_rate=0.5), folder=tmp_path / "x")
    with pytest.raises(ConfigError, match="requires_grad"):
        fit(_module().requires_grad_(False), _batches, _loss, _config(), folder=tmp_path / "frozen")


PROCESS = """
import sys, torch
from neurodyn.training.loop import TrainConfig, fit
torch.set_num_threads(1)
def batches(epoch, generator):
    for _ in range(4):
        x = torch.randn(3, 4, generator=generator)
        yield x, x.sum(1, keepdim=True)
def loss(module, batch):
    return (module(batch[0]) - batch[1]).pow(2).mean(), {}
module = torch.nn.Linear(4, 1)
with torch.no_grad():
    module.weight.fill_(0.1 * (1 + int(__import__("os").environ.get("RANK", "0"))))  # the first process' weights win
    module.bias.zero_()
config = TrainConfig(n_epochs=2, batch_size=3, learning_rate=0.1, optimiser="sgd", momentum=0.0)
fit(module, batches, loss, config, folder=sys.argv[1], progress=False)
print(module.weight.detach().flatten().tolist())
"""


def test_two_processes_average_their_gradients(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(PROCESS)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(tmp_path / "out")]
    out = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert out.returncode == 0, out.stderr[-2000:]
    found = [json.loads(line) for line in out.stdout.splitlines() if line.startswith("[")]
    assert len(found) == 2
    assert found[0] == found[1]
    weight, bias = torch.full((1, 4), 0.1), torch.zeros(1)
    for epoch in range(2):  # the same by hand: pairs of batches, gradients averaged
        generator = torch_generator(0, "batches", epoch)
        for _ in range(2):
            grads = []
            for _ in range(2):
                x = torch.randn(3, 4, generator=generator)
                w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
                grads.append(torch.autograd.grad((x @ w.T + b - x.sum(1, keepdim=True)).pow(2).mean(), (w, b)))
            weight, bias = weight - 0.1 * (grads[0][0] + grads[1][0]) / 2, bias - 0.1 * (grads[0][1] + grads[1][1]) / 2
    torch.testing.assert_close(torch.tensor(found[0]), weight.flatten())
