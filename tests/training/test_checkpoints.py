import os

import pytest
import torch

from neurodyn.errors import ArtefactError, ConfigError, DataError, ModelError
from neurodyn.training.checkpoints import digest, load_checkpoint, load_weights, save_checkpoint, save_weights


def _module(n=3):
    module = torch.nn.Sequential(torch.nn.Linear(n, 4), torch.nn.BatchNorm1d(4))
    with torch.no_grad():
        module[0].weight.copy_(torch.arange(4.0 * n).reshape(4, n) / 8)
    return module


def test_round_trip(tmp_path):
    path = tmp_path / "deep" / "w.safetensors"
    sha = save_weights(_module(), path)
    assert sha == digest(path)
    other = load_weights(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)), path, sha)
    assert torch.equal(other[0].weight, _module()[0].weight)  # eighths are exact in float16
    assert other[0].weight.dtype == torch.float32
    assert other[1].num_batches_tracked.dtype == torch.int64
    assert save_weights(other, tmp_path / "again.safetensors") != ""
    assert (tmp_path / "again.safetensors").stat().st_size <= path.stat().st_size + 64


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes(tmp_path, dtype):
    sha = save_weights(_module(), tmp_path / "w.safetensors", dtype)
    assert save_weights(load_weights(_module(), tmp_path / "w.safetensors", sha), tmp_path / "v.safetensors", dtype) == sha


def test_bad_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(DataError, match=r"w\.safetensors is missing"):
        load_weights(_module(), path)
    sha = save_weights(_module(), path)
    whole = path.read_bytes()
    with pytest.raises(ModelError, match=r"another shape \(first: 0.weight\)"):
        load_weights(_module(5), path)
    with pytest.raises(ModelError, match="lacks 2 tensors"):
        load_weights(torch.nn.Sequential(*_module(), torch.nn.Linear(4, 2)), path)
    with pytest.raises(ModelError, match="unknown tensors"):
        load_weights(torch.nn.Sequential(torch.nn.Linear(3, 4)), path)
    path.write_bytes(whole[:-10])
    with pytest.raises(DataError, match="truncated or altered"):
        load_weights(_module(), path, sha)
    with pytest.raises(DataError, match="cannot be read"):
        load_weights(_module(), path)


def test_weights_that_cannot_be_stored(tmp_path):
    module = _module()
    with torch.no_grad():
        module[0].bias[0] = 1e6
    with pytest.raises(ModelError, match="too large for float16"):
        save_weights(module, tmp_path / "w.safetensors")
    with torch.no_grad():
        module[0].bias[0] = float("nan")
    with pytest.raises(ModelError, match=r"`0\.bias` is not finite"):
        save_weights(module, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match="did you mean `float16`"):
        save_weights(_module(), tmp_path / "w.safetensors", "float15")
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_cut_short(tmp_path):
    save_checkpoint(tmp_path / "c.pt", {"a": torch.ones(3), "n": 1})
    assert load_checkpoint(tmp_path / "c.pt")["n"] == 1
    content = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        load_checkpoint(tmp_path / "c.pt")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match="cannot be written"):
        save_weights(_module(), tmp_path / "file" / "w.safetensors")


def test_nothing_is_left_when_moving_fails(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ArtefactError, match="No space left"):
        save_weights(_module(), tmp_path / "w.safetensors")
    assert list(tmp_path.iterdir()) == []
