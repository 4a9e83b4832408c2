# ---
# How well each model, its untrained twin and the controls predict three V4 sessions, by layer and step.
#
#   python analyses/notebooks/v4_predictivity.py predict convrnn-rgc --folder runs/v4          (also: convrnn-rgc:untrained, pixels, gabor-energy;
#   convrnn-rgc+112 shows a third frame size)
#   python analyses/notebooks/v4_predictivity.py table --folder runs/v4 --out data/v4_predictivity.nc
#
# Images are shown in several frame sizes (the models are convolutional), each layer is averaged over 7 x 7 pools, and amplitudes are
# compressed by a square root, as the Gabor yardstick's are in the row that says so.  Layer and step are chosen on the other sessions.
# ---

# %%
import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import neurodyn as nd
from neurodyn.analysis import ceiling, control_responses, pooled_responses
from neurodyn.datasets import cowley2023
from neurodyn.dynamics.simulate import timeline_of
from neurodyn.experiment.resolve import card_of, weights_path
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.fold_bootstrap import resampled_r, row_draws
from neurodyn.numerics.resampling import holm
from neurodyn.numerics.ridge import ridge_cv
from neurodyn.seeding import numpy_generator
from neurodyn.stimuli.resize import resize
from neurodyn.training.checkpoints import load_weights

SESSIONS = ("190923", "201025", "210325")
CITED = {"190923": 0.80, "201025": 0.85}  # split-half ceilings that Brain-Score states for Cowley2026.V4-pls
ALPHAS = np.logspace(0, 5, 6)
FOLDS, SEED = 5, 0
REFERENCES = ("gabor-energy", "gabor-energy (sqrt)")  # the yardstick, and a stronger one


# %%
def frame(name, size, untrained):
    """A shipped network in another frame size."""
    card = card_of(name)
    config = {**card.config, "image_size": size}
    model = nd.build(card.architecture, seed=card.seed, **config)
    if not untrained:
        load_weights(model, weights_path(name))
    return model.eval()


def compressed(x):
    x = np.sign(x) * np.sqrt(np.abs(x))
    return (x - x.mean(axis=0)) / max(x.std(), 1e-12)


def candidates(predictor, stimuli):
    """Feature matrices by (layer, step)."""
    if predictor == "pixels":
        return {("pixels", 0): control_responses(stimuli, control="pixels").values[:, :, 0]}
    if predictor.startswith("gabor-energy"):
        energy = control_responses(stimuli).values[:, :, 0]
        return {("gabor-energy", 0): compressed(energy) if "sqrt" in predictor else energy}
    name, _, twin = predictor.partition(":")
    name, _, more = name.partition("+")
    sizes = (32, 64, int(more)) if more else (16, 32) if "digits" in name else (32, 64)
    parts = {}
    for size in sizes:
        model = frame(name, size, bool(twin))
        images = resize(stimuli, size, n_channels=int(model.blank.shape[0]))
        line = timeline_of(model, images)
        shown = line.step[line.frame >= 0]
        steps = (int(shown[len(shown) // 2]), int(shown[-1]))
        responses = pooled_responses(model, images, steps=steps, batch_size=32)
        for k, when in enumerate(("middle", "last")):
            for layer in dict.fromkeys(responses.layer.values):
                units = responses.values[:, responses.layer.values == layer, k]
                if units.shape[1] > 20 and np.ptp(units, axis=0).max() > 0:
                    parts.setdefault((str(layer), when), []).append(compressed(units.astype(float)))
    found = {} if more else {key: np.concatenate(v, axis=1) for key, v in parts.items() if key[1] == "last"}
    for when in ("middle", "last"):
        found["all layers", when] = np.concatenate([np.concatenate(v, axis=1) for key, v in parts.items() if key[1] == when], axis=1)
    return found


def predict(predictor, folder, sessions=SESSIONS):
    folder.mkdir(parents=True, exist_ok=True)
    for session in sessions:
        file = folder / f"{predictor.replace(':', '_')}-{session}.nc"
        if file.exists():
            continue
        stimuli, recordings = cowley2023.load(session=session, repeats=False)
        Y = recordings.values[:, :, 0].astype(float)
        splits = make_splits(len(Y), n_splits=FOLDS, seed=SEED)
        features = candidates(predictor, stimuli)
        predictions = np.stack([ridge_cv(x, Y, splits, alphas=ALPHAS).out_of_fold(len(Y)) for x in features.values()]).astype(np.float32)
        names = [f"{layer}, {when}" if when else layer for layer, when in features]
        data = xr.DataArray(predictions, dims=("candidate", "presentation", "neuroid"), coords={"candidate": names}, name="prediction")
        data.attrs["n_features"] = int(max(x.shape[1] for x in features.values()))
        data.to_netcdf(file)


# %%
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

    def r_of(predictor, session, candidate, draws=None):
        Y = targets[session]
        test = [b for _, b in make_splits(len(Y), n_splits=FOLDS, seed=SEED)]
        draws = [np.ones((1, len(t))) for t in test] if draws is None else draws(test)
        P = stored[predictor, session].sel(candidate=candidate).values.astype(float)
        return resampled_r([P[t] for t in test], Y, test, draws)

    medians = {(p, s, c): float(np.median(r_of(p, s, c))) for (p, s), d in stored.items() for c in d.candidate.values}
    for p in predictors:
        for s in SESSIONS:
            others = [o for o in SESSIONS if o != s]
            options = [str(c) for c in stored[p, s].candidate.values]
            chosen = max(options, key=lambda c, p=p, others=others: np.mean([medians[p, o, c] for o in others]))
            rows.append((p, s, chosen))
    grid = (len(predictors), len(SESSIONS))
    found = {k: np.full(grid, np.nan) for k in ("median_r", "median_r_low", "median_r_high", "normalised")}
    paired = {k: np.full((len(REFERENCES), *grid), np.nan) for k in ("difference", "difference_low", "difference_high", "p_value")}
    choice = np.full(grid, "", dtype="<U40")
    for p, s, c in rows:
        i, j = predictors.index(p), SESSIONS.index(s)
        draw = lambda test, s=s: row_draws(test, n_resamples, numpy_generator(SEED, "v4", s))  # noqa: E731
        r = r_of(p, s, c, draw)
        sites = numpy_generator(SEED, "v4 neurons", s).integers(r.shape[1], size=r.shape)
        boot = np.median(np.take_along_axis(r, sites, axis=1), axis=1)
        found["median_r"][i, j], choice[i, j] = medians[p, s, c], c
        found["median_r_low"][i, j], found["median_r_high"][i, j] = np.quantile(boot, [0.025, 0.975])
        found["normalised"][i, j] = medians[p, s, c] ** 2 / ceilings[s]
        for n, reference in enumerate(REFERENCES):
            base = str(stored[reference, s].candidate.values[0])
            gap = r - r_of(reference, s, base, draw)
            boot = np.median(np.take_along_axis(gap, sites, axis=1), axis=1)
            paired["difference"][n, i, j] = np.median(r_of(p, s, c) - r_of(reference, s, base))
            paired["difference_low"][n, i, j], paired["difference_high"][n, i, j] = np.quantile(boot, [0.025, 0.975])
            paired["p_value"][n, i, j] = min(1.0, 2 * (min((boot <= 0).sum(), (boot >= 0).sum()) + 1) / (n_resamples + 1))
    paired["p_adjusted"] = np.stack([holm(p.ravel()).reshape(grid) for p in paired["p_value"]])
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
            "reference": list(REFERENCES),
            "candidate": [f"{p}: {c}" for p, c in all_candidates],
            "n_neurons": ("session", [targets[s].shape[1] for s in SESSIONS]),
            "n_images": ("session", [len(targets[s]) for s in SESSIONS]),
            "ceiling_source": ("session", ["split-half of this recording" if s not in CITED else "cited from Brain-Score" for s in SESSIONS]),
        },
        attrs={"convention": "r^2/c", "regression": "ridge, penalty of each neuron by leave-one-out", "folds": FOLDS, "n_resamples": n_resamples},
    )
    result.to_netcdf(out)
    return result


# %%
if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("predict", "table"))
    parser.add_argument("predictors", nargs="*")
    parser.add_argument("--sessions", nargs="*", default=SESSIONS)
    parser.add_argument("--folder", type=Path, default=Path("runs/v4"))
    parser.add_argument("--out", type=Path, default=Path("data/v4_predictivity.nc"))
    options = parser.parse_args()
    for given in options.predictors if options.command == "predict" else ():
        predict(given, options.folder, options.sessions)
    if options.command == "table":
        table(options.folder, options.out)
