import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import Ridge

import neurodyn as nd
from neurodyn.errors import ConfigError
from neurodyn.training.recipes import v4_ridge

SMALL = {"cell": "reciprocal_gated", "widths": (4, 4), "pools": (1,), "unrolling": "engineering", "schedule": (2, 0), "image_size": 16, "n_classes": 2}


def write(folder, session, n=48, neurons=5):
    """Images with an edge of some orientation; neurons that like one."""
    rng = np.random.default_rng(int(session))
    angle = rng.uniform(0, np.pi, n)
    y, x = np.mgrid[-8:8, -8:8]
    waves = np.cos(1.2 * (x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]) + rng.uniform(0, 6, n)[:, None, None])
    with zipfile.ZipFile(folder / f"images_{session}.zip", "w") as archive:
        for k, wave in enumerate(waves):
            out = io.BytesIO()
            Image.fromarray(np.repeat((127 + 120 * wave)[:, :, None], 3, axis=2).astype(np.uint8)).save(out, "PNG")
            archive.writestr(f"image{k:04d}.png", out.getvalue())
    likes = rng.uniform(0, np.pi, neurons)
    np.save(folder / f"responses_avg_{session}.npy", np.cos(2 * (angle[None] - likes[:, None])) + 0.2 * rng.normal(size=(neurons, n)) + 3)


def test_leave_one_out_is_a_refit_without_each_row():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    got = v4_ridge.leave_one_out(torch.from_numpy((X - X.mean(0)) @ (X - X.mean(0)).T), torch.from_numpy(Y), 3.0).numpy()
    for k in range(20):
        rest = np.delete(np.arange(20), k)
        np.testing.assert_allclose(got[k], Ridge(3.0).fit(X[rest], Y[rest]).predict(X[k : k + 1])[0], atol=1e-9)


def test_training_makes_a_kernel_that_predicts(tmp_path):
    for session in ("1", "2"):
        write(tmp_path, session)
    parameters = v4_ridge.Parameters(sessions=("1", "2"), root=str(tmp_path), batch_size=36, n_batches=40, learning_rate=1e-2, n_pools=3, held_out=0.25)
    model = nd.build("convrnn", seed=0, **SMALL)
    start = {k: v.clone() for k, v in model.state_dict().items()}
    metrics = v4_ridge.train(model, parameters, seed=0, folder=tmp_path / "run")
    assert {"held_out_r_1", "held_out_r_2_before", "loss", "train_s", "n_parameters"} <= set(metrics)
    assert np.mean([metrics["held_out_r_1"], metrics["held_out_r_2"]]) > np.mean([metrics["held_out_r_1_before"], metrics["held_out_r_2_before"]])
    changed = {k.split(".")[0] for k, v in model.state_dict().items() if not torch.equal(v, start[k])}
    assert changed
    assert not any("readout" in k for k in changed)  # nothing reads it
    again = nd.build("convrnn", seed=0, **SMALL)
    v4_ridge.train(again, parameters, seed=0, folder=tmp_path / "run")  # goes on where it stopped: at the end
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)


@pytest.mark.parametrize("change", [{"sessions": ()}, {"held_out": 1.0}, {"n_batches": 0}])
def test_bad_settings(change):
    with pytest.raises(ConfigError, match="v4_ridge"):
        v4_ridge.Parameters(**change)
