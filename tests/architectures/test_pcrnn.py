"""PC-RNN: the equations written out, exact data consistency for any weights, its published shapes, ablations, and bad input."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodyn as nd
from neurodyn.architectures import mri_baseline
from neurodyn.architectures._measurements import in_units
from neurodyn.architectures.pcrnn import SMALL, Config, build
from neurodyn.dynamics.linearise import dense, jacobian
from neurodyn.errors import ConfigError, ModelError, NumericsError
from neurodyn.numerics.fourier import as_channels, as_complex, data_consistency, fft2c, ifft2c, measured_error

VARIANTS = {
    "pyramid": SMALL,
    "single": dataclasses.replace(SMALL, strides=(1,), n_iterations=(3,)),
    "untied": dataclasses.replace(SMALL, tied=False),
    "no fusion": dataclasses.replace(SMALL, fusion_channels=0),
    "no consistency": dataclasses.replace(SMALL, data_consistency=False),
}


def frame(n=2, coils=2, size=(17, 14), share=0.4, seed=0, dtype=torch.float32):
    """Random images, their spectra, and a random mask over columns that measures something."""
    g = torch.Generator().manual_seed(seed)
    images = torch.randn(n, 2 * coils, *size, generator=g, dtype=dtype)
    mask = (torch.rand(n, 1, 1, size[1], generator=g) < share).to(dtype)
    mask[..., size[1] // 2] = 1
    mask = mask.expand(n, 1, *size).contiguous()
    return images, {"kspace": as_channels(fft2c(as_complex(images))) * mask, "mask": mask}


def normalised(shown, drive):
    """The measurement as the network sees it."""
    return as_channels(as_complex(shown["kspace"]) / as_complex(drive["scale"]))


def run(model, shown, n_steps=None):
    with torch.no_grad():
        drive = model.encode(shown)
        states = [model.initial_state(drive)]
        for _ in range(n_steps or sum(model.config.n_iterations)):
            states.append(model.step(states[-1], drive))
    return drive, states


def shaken(config, seed=0):
    """A network whose weights are far from their initial values."""
    model = build(config, seed=seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    return model


def test_iterations_are_the_equations_written_out():
    model = shaken(SMALL)
    _, shown = frame(size=(16, 12))
    drive, states = run(model, shown)
    y, mask = normalised(shown, drive), shown["mask"]
    assert torch.allclose(states[0]["x"], as_channels(ifft2c(as_complex(y))), atol=1e-6)
    x, kept = states[0]["x"], []
    with torch.no_grad():
        for module, (cell, count, stride) in enumerate(zip(model.iterations, (2, 1, 2), (4, 2, 1), strict=True)):
            h = None
            for _ in range(count):
                e = torch.relu(cell.enter(x))
                for k, layer in enumerate(cell.down):
                    e = torch.relu(layer(e)) if k < len(cell.down) - 1 else layer(e)
                r = 0 if h is None else h + cell.residual[1](torch.relu(cell.residual[0](h)))
                h = F.prelu(e + r, cell.slope.reshape(1))
                d = h
                for layer in cell.up:
                    d = torch.relu(layer(d))
                x = data_consistency(cell.leave(d), y, mask)
            assert h.shape[-2:] == (16 // stride, 12 // stride)
            kept.append(x)
            assert torch.allclose(states[(2, 3, 5)[module]]["x"], x, atol=1e-5) and torch.allclose(states[(2, 3, 5)[module]][f"h{module + 1}"], h, atol=1e-5)
        c = torch.cat(kept, dim=1)
        for k, layer in enumerate(model.fusion):
            c = torch.relu(layer(c)) if k < 3 else layer(c)
        assert torch.allclose(model.readout(states[-1]), in_units(data_consistency(c, y, mask), drive["scale"]), atol=1e-4)


@pytest.mark.parametrize("name", ["pyramid", "single", "untied", "no fusion"])
def test_measured_samples_are_kept_by_any_weights(name):
    model = shaken(VARIANTS[name])
    _, shown = frame()
    _, states = run(model, shown)
    for state in states[1:]:
        assert float(measured_error(model.readout(state).detach(), shown["kspace"], shown["mask"]).max()) < 1e-5
    without = shaken(VARIANTS["no consistency"])
    assert float(measured_error(without.readout(run(without, shown)[1][-1]).detach(), shown["kspace"], shown["mask"]).max()) > 1e-2


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 99), st.integers(9, 20), st.integers(8, 20))
def test_full_sampling_gives_the_true_image_whatever_the_weights(seed, rows, columns):
    model = shaken(SMALL, seed=seed)
    images, shown = frame(size=(rows, columns), share=2.0, seed=seed)
    _, states = run(model, shown)
    for state in states[1:]:
        assert torch.allclose(model.readout(state), images, atol=1e-4)


@pytest.mark.parametrize("width", [320, 322, 368, 372])
def test_output_has_the_size_of_the_input(width):
    model = build(Config(n_coils=1, channels=2, fusion_channels=2, n_iterations=(1, 1, 1)), seed=0)
    _, shown = frame(n=1, coils=1, size=(16, width))
    state = run(model, shown)[1][-1]
    assert model.readout(state).shape == (1, 2, 16, width) and state["h1"].shape[-1] == -(-width // 4) and state["h3"].shape[-1] == width


def test_without_activations_hidden_states_superpose():
    model = build(dataclasses.replace(SMALL, activation="none"), seed=0)
    (_, a), (_, b) = frame(seed=1), frame(seed=2)
    b["mask"] = a["mask"]
    b["kspace"] = frame(seed=2)[1]["kspace"] * a["mask"]
    with torch.no_grad():
        drives = [{**model.encode(f)} for f in (a, b)]
        for d in drives:
            d["x0"] = in_units(d["x0"], d["scale"])
        drives.append({**drives[0], "x0": 2 * drives[0]["x0"] - 3 * drives[1]["x0"]})
        states = [model.initial_state(d) for d in drives]
        for _ in range(5):
            states = [model.step(s, d) for s, d in zip(states, drives, strict=True)]
    for key in model.phase:
        assert torch.allclose(states[2][key], 2 * states[0][key] - 3 * states[1][key], atol=1e-4)


def test_permuted_coils_with_permuted_weights_give_permuted_images():
    model, other = shaken(SMALL), shaken(SMALL)
    order = torch.tensor([2, 3, 0, 1])  # coils 1 and 0
    with torch.no_grad():
        for cell in other.iterations:
            cell.enter.weight.copy_(cell.enter.weight[:, order])
            cell.leave.weight.copy_(cell.leave.weight[order])
            cell.leave.bias.copy_(cell.leave.bias[order])
        other.fusion[0].weight.copy_(other.fusion[0].weight[:, torch.cat([order, order + 4, order + 8])])
        other.fusion[3].weight.copy_(other.fusion[3].weight[order])
        other.fusion[3].bias.copy_(other.fusion[3].bias[order])
    _, shown = frame()
    swapped = {"kspace": shown["kspace"][:, order], "mask": shown["mask"]}
    assert torch.allclose(other.readout(run(other, swapped)[1][-1]), model.readout(run(model, shown)[1][-1])[:, order], atol=1e-5)


def test_reconstruction_scales_and_turns_with_the_measurement():
    model = shaken(SMALL)
    _, shown = frame()
    factor = 7 * torch.tensor([1j, 0.6 - 0.8j]).reshape(2, 1, 1)  # another phase for each coil
    other = {"kspace": as_channels(factor * as_complex(shown["kspace"])), "mask": shown["mask"]}
    expected = as_channels(factor * as_complex(model.readout(run(model, shown)[1][-1])))
    assert torch.allclose(model.readout(run(model, other)[1][-1]), expected, rtol=1e-4, atol=1e-4)
    x0 = as_complex(model.encode(shown)["x0"])
    mean = (x0 * x0.abs()).sum(dim=(-2, -1))
    assert float(mean.imag.abs().max()) < 1e-5 * float(mean.real.min()) and float(mean.real.min()) > 0


def test_published_parameter_counts():
    """0.34, 0.21, 0.15 and 0.08 million at 64 channels and one coil, for strides 4, 2, 1 and the fusion."""
    model = build(Config(n_coils=1), seed=0)
    assert [round(sum(p.numel() for p in cell.parameters()) / 1e6, 2) for cell in model.iterations] == [0.34, 0.21, 0.15]
    assert round(sum(p.numel() for p in model.fusion.parameters()) / 1e6, 2) == 0.08
    conv = {k: sum(p.numel() for p in getattr(model.iterations[1], k).parameters()) for k in ("enter", "down", "residual", "up", "leave")}
    assert conv == {"enter": 1216, "down": 65600, "residual": 73856, "up": 65600, "leave": 1154}
    untied = build(Config(n_coils=1, tied=False), seed=0)
    assert len(untied.iterations) == 15


def test_the_jacobian_is_zero_on_measured_frequencies():
    model = shaken(dataclasses.replace(SMALL, channels=2)).double()
    _, shown = frame(n=1, size=(10, 9), dtype=torch.float64)
    drive, states = run(model, shown)
    state = states[-1]
    matrix = dense(jacobian(model, state, drive))
    n_x = state["x"].numel()
    columns = as_complex(matrix[:n_x].T.reshape(-1, *state["x"].shape[1:]))
    spectrum = fft2c(columns).abs() * shown["mask"][0]
    assert float(spectrum.max()) < 1e-12 * float(matrix.abs().max())
    measured = int(shown["mask"].sum()) * 4  # real and imaginary parts of two coils
    rank = int(torch.linalg.matrix_rank(matrix[:n_x], rtol=1e-10))
    assert rank <= n_x - measured
    inactive = slice(n_x, n_x + state["h1"].numel() + state["h2"].numel())
    assert not matrix[inactive].any() and not matrix[:, inactive].any()


def test_the_clock_says_which_module_works_and_the_last_goes_on():
    model = shaken(SMALL)
    _, states = run(model, frame()[1], n_steps=8)
    active = [[bool(s[k].any()) for k in model.hidden] for s in states]
    assert active == [[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], *[[0, 0, 1]] * 5]
    assert torch.equal(states[5]["x1"], states[2]["x"]) and torch.equal(states[8]["x2"], states[3]["x"])
    assert torch.allclose(model.readout(states[3]), in_units(states[3]["x"], states[3]["scale"]))  # before the last module: the image so far


def test_rows_at_different_iterations_are_stepped_each_for_itself():
    model = shaken(SMALL)
    _, shown = frame(n=1)
    drive, states = run(model, shown)
    mixed = {k: torch.cat([states[t][k] for t in (4, 0, 2)]) for k in states[0]}
    with torch.no_grad():
        after = model.step(mixed, {k: v.expand(3, *v.shape[1:]) for k, v in drive.items()})
        said = model.readout(mixed)
    for row, t in enumerate((4, 0, 2)):
        assert all(torch.allclose(after[k][row], states[t + 1][k][0], atol=1e-6) for k in after)
        assert torch.allclose(said[row], model.readout(states[t])[0], atol=1e-5)


def test_more_iterations_of_the_same_weights():
    model = shaken(SMALL)
    longer = model.with_iterations((2, 1, 6))
    _, shown = frame()
    assert torch.equal(run(longer, shown)[1][5]["x"], run(model, shown)[1][5]["x"])
    with pytest.raises(ConfigError, match="its own weights"):
        build(VARIANTS["untied"], seed=0).with_iterations((1, 1, 1))


@pytest.mark.parametrize("name", ["single", "untied", "no fusion", "no consistency"])
def test_ablations_keep_the_contract(name):
    nd.check_model(build(VARIANTS[name], seed=0))


@pytest.mark.parametrize("kind", ["zero_filled", "unet", "cascade"])
def test_baselines_keep_the_contract_and_their_measurements(kind):
    model = mri_baseline.build(dataclasses.replace(mri_baseline.SMALL, kind=kind, n_pools=2), seed=0)
    nd.check_model(model)
    _, shown = frame()
    drive = model.encode(shown)
    state = model.initial_state(drive)
    for _ in range(3):
        state = model.step(state, drive)
    if kind == "unet":
        assert model.readout(state).shape == (2, 1, 17, 14)
    else:
        assert float(measured_error(model.readout(state).detach(), shown["kspace"], shown["mask"]).max()) < 1e-5
    if kind == "zero_filled":
        assert torch.allclose(model.readout(state), as_channels(ifft2c(as_complex(shown["kspace"]))), atol=1e-5)


def test_a_cascade_and_the_recurrent_baseline_are_their_equations():
    _, shown = frame()
    cascade = mri_baseline.build(dataclasses.replace(mri_baseline.SMALL, kind="cascade"), seed=0)
    crnn = mri_baseline.build(mri_baseline.SMALL, seed=0)
    with torch.no_grad():
        drive = cascade.encode(shown)
        y, state = normalised(shown, drive), cascade.initial_state(drive)
        x = state["x"]
        for block in cascade.blocks:
            z = x
            for k, conv in enumerate(block):
                z = F.leaky_relu(conv(z), 0.01) if k < 4 else conv(z)
            x, state = data_consistency(x + z, y, shown["mask"]), cascade.step(state, drive)
            assert torch.allclose(state["x"], x, atol=1e-5)
        assert torch.equal(cascade.step(state, drive)["x"], state["x"])
        state, hidden, x = crnn.initial_state(drive), [0.0] * 4, drive["x0"]
        for _ in range(2):
            z = x
            for k in range(4):
                z = hidden[k] = torch.relu(crnn.forward_path[k](z) + (crnn.recurrent_path[k](hidden[k]) if torch.is_tensor(hidden[k]) else 0))
            x, state = data_consistency(x + crnn.forward_path[4](z), y, shown["mask"]), crnn.step(state, drive)
            assert torch.allclose(state["x"], x, atol=1e-5)


def nothing_measured():
    _, shown = frame()
    return {"kspace": shown["kspace"], "mask": shown["mask"] * torch.tensor([1.0, 0.0])[:, None, None, None]}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: build(SMALL, seed=0).encode(nothing_measured()), NumericsError, r"measures nothing in 1 of 2 presentations \(first: row 1\)"),
        (lambda: build(SMALL, seed=0).encode(frame(coils=3)[1]), ModelError, "real and imaginary parts of 2 coils"),
        (lambda: build(SMALL, seed=0).encode(torch.zeros(1, 5, 8, 8)), ModelError, "not a dict with `kspace` and `mask`"),
        (lambda: Config(strides=(3, 1), n_iterations=(1, 1)), ConfigError, "`strides` is"),
        (lambda: Config(strides=(4, 2, 1), n_iterations=(5, 5)), ConfigError, "`n_iterations`"),
        (lambda: Config(image_size=(320, 4)), ConfigError, "`image_size` is"),
        (lambda: Config(channels=0), ConfigError, "`channels` 0"),
        (lambda: Config(activation="rely"), ConfigError, "did you mean `relu`"),
        (lambda: mri_baseline.Config(kind="unett"), ConfigError, "did you mean `unet`"),
        (lambda: mri_baseline.Config(n_pools=0), ConfigError, "`n_pools` is 0"),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
