# ---
# How well each model, its untrained twin and the controls predict three V4 sessions, by layer and step.
#
#   python analyses/notebooks/v4_predictivity.py predict convrnn-v4 convrnn-rgc --folder runs/v4     (also: convrnn-rgc:untrained, convrnn-rgc:shuffled,
#   convrnn-v4:seed1, which is trained first, pixels, gabor-energy, "gabor-energy (sqrt)"; `predict all` is every predictor of the table, and goes on
#   where it stopped)
#   python analyses/notebooks/v4_predictivity.py table --folder runs/v4 --out data/v4_predictivity.nc
#
# The models are convolutional, so photographs are shown in larger frames than they were trained on; each layer is averaged over 7 x 7 pools.
# Activity is compressed by a square root, as the second Gabor reference is, except in the networks that were trained for a linear readout of V4.
# Layer, step and frame are chosen on the other sessions.  `convrnn-v4` and its feedforward control are three networks each: a session is predicted by the
# one that was trained on the two others, so those two cannot choose for it, and the choice is made within each fold, by leaving out its training images
# one by one; so it is for their untrained twins, and where images are shuffled.
# ---

# %%
import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import neurodyn as nd
from neurodyn.analysis import ceiling, control_responses, pooled_responses
from neurodyn.datasets import cowley2023
from neurodyn.dynamics.simulate import timeline_of
from neurodyn.experiment.resolve import card_of, weights_path
from neurodyn.experiment.train import train_card
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.fold_bootstrap import resampled_r, row_draws
from neurodyn.numerics.resampling import holm
from neurodyn.numerics.ridge import ridge_cv, unit_rms
from neurodyn.seeding import numpy_generator
from neurodyn.stimuli.resize import resize
from neurodyn.training.checkpoints import load_weights

SESSIONS = ("190923", "201025", "210325")
CITED = {"190923": 0.80, "201025": 0.85}  # split-half ceilings that Brain-Score states for Cowley2026.V4-pls
ALPHAS = np.logspace(0, 5, 6)
FOLDS, SEED = 5, 0
REFERENCES = ("gabor-energy", "gabor-energy (sqrt)")  # the yardstick, and a stronger one
LEFT_OUT = ("convrnn-v4", "convrnn-v4-feedforward")  # one network for each session, trained on the two others
FEEDFORWARD = {f"convrnn-v4{kind}": f"convrnn-v4-feedforward{kind}" for kind in ("", "_seed1", "_untrained")} | {
    f"convrnn-{cell}": "convrnn-feedforward"
    for cell in ("rgc", "simple-rnn", "time-decay", "conv-gru", "conv-lstm", "ugrnn", "intersection-rnn", "searched-gated", "rgc-feedback", "rgc-ungated")
}  # as many parameters and as many steps, without recurrence
FRAMES = {"convrnn-v4": (32, 48, 64), "convrnn-v4-feedforward": (32, 48, 64), "convrnn-rgc": (32, 64), "drc-teacher-cifar10": (32, 64)}
CONTROLS = ("gabor-energy", "gabor-energy (sqrt)", "pixels", "convrnn-v4:untrained", "convrnn-v4:shuffled", "convrnn-rgc:untrained")
CONTROLS += ("convrnn-v4-feedforward:untrained", "drc-teacher-cifar10:untrained", "convrnn-v4:seed1", "convrnn-v4-feedforward:seed1")


def predictors():
    """Every shipped model that sees images, the most telling first, with the controls."""
    shipped = [m for m in nd.list_models() if m.startswith(("convrnn-", "cordsnet-", "feedback-", "drc-")) and "-not-" not in m and weights_path(m)]
    shipped = [m for m in shipped if card_of(m).architecture != "dense_rnn"]  # 19 and 20 hidden units: too few for a layer
    there = [m for m in LEFT_OUT if all(weights_path(f"{m}-not-{s}") for s in SESSIONS if f"{m}-not-{s}" in nd.list_models())]
    first = [m for m in ("convrnn-rgc", "convrnn-feedforward", "drc-teacher-cifar10") if m in shipped]
    return list(dict.fromkeys([*there[:1], *CONTROLS, *there[1:], *first, *shipped]))


# %%
class Still:
    """A network behind a moving sensor, whose sensor stays where it is and sees the whole photograph."""

    def __init__(self, model):
        self.model, self.blank = model, model.blank["image"]

    def __getattr__(self, name):
        return getattr(self.model, name)

    def encode(self, frame):
        return self.model.encode({"image": frame, "position": frame.new_zeros(len(frame), 2)})


def trained_weights(name, kind, folder):
    """The shipped weights, or those of another seed, which are trained where they are not in the folder yet."""
    if not kind.startswith("seed"):
        return weights_path(name)
    place = folder / "training" / f"{name}-s{kind[4:]}"
    file = place / f"{name}.safetensors"
    return file if file.exists() else train_card(name, seed=int(kind[4:]), folder=place)[1]


def network(name, size, kind, folder):
    """A shipped network in another frame size."""
    card = card_of(name)
    frame = {} if card.architecture in ("drc", "drc_teacher") else {"image_size": size}
    model = nd.build(card.architecture, seed=card.seed, **{**card.config, **frame})
    if kind != "untrained":
        load_weights(model, trained_weights(name, kind, folder))
    if card.architecture == "drc_teacher":
        model.kind = dataclasses.replace(model.kind, image_px=size)
    return Still(model.eval()) if isinstance(model.blank, dict) else model.eval()


def frames_of(name):
    card = None if name in LEFT_OUT else card_of(name)
    if card is not None and card.architecture == "drc":
        return (card.config.get("resolution", 8),)  # the map behind its sensor has a fixed size
    small = 32 if card is None else card.config.get("image_size", 32)
    if card is not None and card.architecture == "cordsnet":
        return (small,)  # every place has its own bias
    return FRAMES.get(name, (max(16, min(32, 2 * small)),) if name.startswith("cordsnet") else (32,))


def scaled(x, compress):
    x = np.sign(x) * np.sqrt(np.abs(x)) if compress else x
    return (x - x.mean(axis=0)) / max(x.std(), 1e-12)


def activity(name, session, stimuli, kind, folder):
    """Pooled activity by (layer, when, frame): half-way through the presentation, and at its end."""
    card = f"{name}-not-{session}" if name in LEFT_OUT else name
    found = {}
    for size in frames_of(name):
        model = network(card, size, kind, folder)
        images = resize(stimuli, size, n_channels=int(model.blank.shape[0]))
        line = timeline_of(model, images)
        shown = line.step[line.frame >= 0]
        steps = sorted({int(shown[len(shown) // 2]), int(shown[-1])})
        responses = pooled_responses(model, images, steps=steps, batch_size=32)
        for k, when in enumerate(("middle", "last")[-len(steps) :]):
            for layer in dict.fromkeys(str(v) for v in responses.layer.values):
                units = responses.values[:, responses.layer.values == layer, k].astype(float)
                if units.shape[1] > 20 and np.ptp(units, axis=0).max() > 0 and not layer.endswith((".u", ".d", ".z")):
                    found[layer, when, size] = scaled(units, name not in LEFT_OUT)
    return found


def candidates(predictor, session, stimuli, folder):
    """Feature matrices by name: each layer at the end, all layers at both times, and with several frames all layers of each."""
    if predictor == "pixels":
        return {"pixels": control_responses(stimuli, control="pixels").values[:, :, 0]}
    if predictor.startswith("gabor-energy"):
        energy = control_responses(stimuli).values[:, :, 0].astype(float)
        return {"gabor-energy": scaled(energy, True) if "sqrt" in predictor else energy}
    name, _, kind = predictor.partition(":")
    parts = activity(name, session, stimuli, kind, folder)
    if kind == "shuffled":
        order = numpy_generator(SEED, "v4 shuffled", session).permutation(len(stimuli))
        parts = {k: v[order] for k, v in parts.items()}
    layers, sizes = (list(dict.fromkeys(k[j] for k in parts)) for j in (0, 2))
    whens = [w for w in ("middle", "last") if any(k[1] == w for k in parts)]
    wanted = {f"{layer}, last": [k for k in parts if k[0] == layer and k[1] == "last"] for layer in layers} if len(layers) > 1 else {}
    wanted |= {f"all layers, {when}": [k for k in parts if k[1] == when] for when in whens}
    if len(sizes) > 1:
        wanted |= {f"all layers, last, {size} px": [k for k in parts if k[1] == "last" and k[2] == size] for size in sizes}
    return {label: np.concatenate([parts[k] for k in keys], axis=1) for label, keys in wanted.items() if keys}


def predict(predictor, folder, sessions=SESSIONS):
    folder.mkdir(parents=True, exist_ok=True)
    for session in sessions:
        file = folder / f"{predictor.replace(':', '_')}-{session}.nc"
        if file.exists():
            continue
        stimuli, recordings = cowley2023.load(session=session, repeats=False)
        Y = recordings.values[:, :, 0].astype(float)
        splits = make_splits(len(Y), n_splits=FOLDS, seed=SEED)
        features = candidates(predictor, session, stimuli, folder)
        fits = [ridge_cv(unit_rms(x), Y, splits, alphas=ALPHAS) for x in features.values()]
        predictions = np.stack([fit.out_of_fold(len(Y)) for fit in fits]).astype(np.float32)
        data = xr.DataArray(predictions, dims=("candidate", "presentation", "neuroid"), coords={"candidate": list(features)}, name="prediction")
        variance = np.stack([Y[train].var(axis=0) for train, _ in splits])
        inner = np.stack([np.median(1 - fit.inner_error / variance, axis=1) for fit in fits])  # explained variance of left-out training images
        data = data.assign_coords({f"inner_{k}": ("candidate", inner[:, k]) for k in range(FOLDS)})
        data.attrs["n_features"] = int(max(x.shape[1] for x in features.values()))
        data.to_netcdf(file.with_suffix(".part"))
        file.with_suffix(".part").rename(file)
        print(predictor, session, {c: round(float(np.median(fit.r.mean(axis=0))), 3) for c, fit in zip(features, fits, strict=True)}, flush=True)


# %%
def chosen_candidates(predictor, session, stored, medians):
    """The candidate of a session: of the networks left out of it, of their twins and of shuffled images one for each fold, from its training images."""
    options = [str(c) for c in stored[predictor, session].candidate.values]
    if predictor.split("_")[0] in LEFT_OUT:
        return tuple(options[int(stored[predictor, session][f"inner_{k}"].argmax())] for k in range(FOLDS))
    others = [s for s in SESSIONS if s != session]
    return max(options, key=lambda c: np.mean([medians[predictor, s, c] for s in others]))


def table(folder, out):
    rows, n_resamples = [], 2000
    predictors = sorted({f.name[: -len("-190923.nc")] for f in folder.glob("*-190923.nc")})
    predictors = [p for p in predictors if all((folder / f"{p}-{s}.nc").exists() for s in SESSIONS)]
    stored, targets, ceilings = {}, {}, {}
    for session in SESSIONS:
        _, recordings = cowley2023.load(session=session)
        _, means = cowley2023.load(session=session, repeats=False)
        targets[session] = means.values[:, :, 0].astype(float)
        ceilings[session] = float(ceiling(recordings, seed=SEED).ceiling.median()) if "repetition" in recordings.coords else CITED[session]
        stored |= {(p, session): xr.load_dataarray(folder / f"{p}-{session}.nc") for p in predictors}

    def r_of(predictor, session, chosen, draws=None):
        Y = targets[session]
        test = [b for _, b in make_splits(len(Y), n_splits=FOLDS, seed=SEED)]
        draws = [np.ones((1, len(t))) for t in test] if draws is None else draws(test)
        chosen = [chosen] * FOLDS if isinstance(chosen, str) else chosen
        P = [stored[predictor, session].sel(candidate=c).values[t].astype(float) for c, t in zip(chosen, test, strict=True)]
        return resampled_r(P, Y, test, draws)

    base = {}
    medians = {(p, s, str(c)): float(np.median(r_of(p, s, str(c)))) for (p, s), d in stored.items() for c in d.candidate.values}
    for p in predictors:
        for s in SESSIONS:
            rows.append((p, s, chosen_candidates(p, s, stored, medians)))
    grid = (len(predictors), len(SESSIONS))
    found = {k: np.full(grid, np.nan) for k in ("median_r", "median_r_low", "median_r_high", "normalised")}
    references = (*REFERENCES, "own untrained twin", "feedforward control", "first seed")
    paired = {k: np.full((len(references), *grid), np.nan) for k in ("difference", "difference_low", "difference_high", "p_value")}
    choice = np.full(grid, "", dtype="<U120")
    chosen_of = {(p, s): c for p, s, c in rows}
    for p, s, c in rows:
        i, j = predictors.index(p), SESSIONS.index(s)
        draw = lambda test, s=s: row_draws(test, n_resamples, numpy_generator(SEED, "v4", s))  # noqa: E731
        r, estimate = r_of(p, s, c, draw), r_of(p, s, c)
        sites = numpy_generator(SEED, "v4 neurons", s).integers(r.shape[1], size=r.shape)
        boot = np.median(np.take_along_axis(r, sites, axis=1), axis=1)
        found["median_r"][i, j] = np.median(estimate)
        choice[i, j] = c if isinstance(c, str) else " / ".join(dict.fromkeys(c))
        found["median_r_low"][i, j], found["median_r_high"][i, j] = np.quantile(boot, [0.025, 0.975])
        found["normalised"][i, j] = found["median_r"][i, j] ** 2 / ceilings[s]
        for n, reference in enumerate((*REFERENCES, f"{p}_untrained", FEEDFORWARD.get(p, ""), p.removesuffix("_seed1"))):
            if reference not in predictors or reference == p:
                continue
            if (reference, s) not in base:
                one = chosen_of[reference, s]
                base[reference, s] = r_of(reference, s, one, draw), r_of(reference, s, one)
            boot = np.median(np.take_along_axis(r - base[reference, s][0], sites, axis=1), axis=1)
            paired["difference"][n, i, j] = np.median(estimate - base[reference, s][1])
            paired["difference_low"][n, i, j], paired["difference_high"][n, i, j] = np.quantile(boot, [0.025, 0.975])
            paired["p_value"][n, i, j] = min(1.0, 2 * (min((boot <= 0).sum(), (boot >= 0).sum()) + 1) / (n_resamples + 1))
    adjusted = np.full_like(paired["p_value"], np.nan)
    for n, p in enumerate(paired["p_value"]):  # each reference is a family of tests
        adjusted[n][np.isfinite(p)] = holm(p[np.isfinite(p)])
    paired["p_adjusted"] = adjusted
    data = {k: (("predictor", "session"), v) for k, v in found.items()} | {"chosen": (("predictor", "session"), choice)}
    data |= {k: (("reference", "predictor", "session"), v) for k, v in paired.items()}
    all_candidates = sorted({(p, str(c)) for (p, _), d in stored.items() for c in d.candidate.values})
    data["by_candidate"] = (("candidate", "session"), np.array([[medians[p, s, c] for s in SESSIONS] for p, c in all_candidates]))
    data["ceiling"] = ("session", np.array([ceilings[s] for s in SESSIONS]))
    result = xr.Dataset(
        data,
        coords={
            "predictor": predictors,
            "session": list(SESSIONS),
            "reference": list(references),
            "candidate": [f"{p}: {c}" for p, c in all_candidates],
            "n_neurons": ("session", [targets[s].shape[1] for s in SESSIONS]),
            "n_images": ("session", [len(targets[s]) for s in SESSIONS]),
            "ceiling_source": ("session", ["split-half of this recording" if s not in CITED else "cited from Brain-Score" for s in SESSIONS]),
        },
        attrs={"convention": "r^2/c", "regression": "ridge, penalty of each neuron by leave-one-out", "folds": FOLDS, "n_resamples": n_resamples, "chosen_on": "the other sessions; convrnn-v4* with twins and shuffled images: inner folds"},
    )
    result.to_netcdf(out)
    return result


def claims(data, out):
    """The table in numbers, for the page of claims."""

    def text(one, *names):
        return [[float(one[name].values[k]) for name in names] for k in range(len(data.session))]

    sessions = " | ".join(f"{s} (n = {int(n)})" for s, n in zip(data.session.values, data.n_neurons.values, strict=True))
    lines = [f"| predictor | {sessions} | chosen |", "|---" * (len(data.session) + 2) + "|"]
    order = sorted(data.predictor.values, key=lambda p: -float(data.median_r.sel(predictor=p).mean()))
    for p in order:
        one = data.sel(predictor=p)
        cells = [f"{r:.3f} [{low:.3f}, {high:.3f}], {n:.3f}" for r, low, high, n in text(one, "median_r", "median_r_low", "median_r_high", "normalised")]
        lines.append(f"| {p} | {' | '.join(cells)} | {'; '.join(dict.fromkeys(str(c) for c in one.chosen.values))} |")
    for reference in data.reference.values:
        lines += ["", f"Minus {reference}, paired:", "", f"| predictor | {sessions} |", "|---" * (len(data.session) + 1) + "|"]
        for p in order:
            gap = data.sel(predictor=p, reference=reference)
            if np.isfinite(gap.difference.values).all():
                cells = [f"{d:+.3f} [{low:+.3f}, {high:+.3f}]" for d, low, high in text(gap, "difference", "difference_low", "difference_high")]
                lines.append(f"| {p} | {' | '.join(cells)} |")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


# %%
if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("predict", "table", "claims"))
    parser.add_argument("predictors", nargs="*")
    parser.add_argument("--sessions", nargs="*", default=SESSIONS)
    parser.add_argument("--folder", type=Path, default=Path("runs/v4"))
    parser.add_argument("--out", type=Path, default=Path("data/v4_predictivity.nc"))
    options = parser.parse_args()
    asked = predictors() if options.predictors == ["all"] else options.predictors
    for given in asked if options.command == "predict" else ():
        predict(given, options.folder, options.sessions)
    if options.command == "table":
        table(options.folder, options.out)
    if options.command == "claims":
        claims(xr.load_dataset(options.out), options.folder / "claims.md")
