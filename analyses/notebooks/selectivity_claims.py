# %% [markdown]
# # Selectivity in trained recurrent networks, claim by claim
#
# Reads the results of `analyses/selectivity` and writes `analyses/selectivity/claims.md`.  Run what is missing first:
#
#     for k in drc cordsnet-digits cordsnet-small cordsnet-mnist cordsnet-cifar10 feedback convrnn v4 gdram pathfinder; do neurodyn run selectivity/plane_$k; done
#     for k in convrnn v4 cordsnet cordsnet-mnist cordsnet-cifar10 feedback drc drc-teacher gdram pathfinder; do neurodyn run selectivity/layers_$k; done
#     for k in lesions_drc lesions_feedback neurons_v4 units_v4 gabor_neurons_v4 gabor_units_v4 neurons_it units_it; do neurodyn run selectivity/$k; done
#     python analyses/notebooks/selectivity_claims.py

# %%
import sys
from pathlib import Path

import numpy as np

from neurodyn.errors import ArtefactError
from neurodyn.experiment.run import open_result
from neurodyn.numerics.resampling import bootstrap_ci

EARLY = {"drc": ("gru1", "gru2"), "cordsnet-digits": ("area0", "area1"), "cordsnet-small": ("area0", "area1"), "cordsnet-mnist": ("area0", "area1")}
EARLY |= {"cordsnet-cifar10": ("area0", "area1"), "feedback": ("area1",), "convrnn": ("conv2",), "v4": ("conv2",), "gdram": ("recognition",), "pathfinder": ("inter", "out")}
FAMILIES = ("convrnn", "v4", "cordsnet", "cordsnet-mnist", "cordsnet-cifar10", "feedback", "drc", "drc-teacher", "gdram", "pathfinder")
MEASURES = {"osi": 2, "dsi": 2, "f1_f0": 2, "preferred_spatial_frequency_cpp": 3}
SHARE, LEVEL = 0.1, 0.95
HEAD = """# Selectivity: claims tested

Estimates with 95 % intervals.  Units are the central one of each channel (glimpses: every fourth); S and T are the activations above grey of the best still image
and of the best flicker of the whole field, each divided by the unit's largest, that of its best movie unless ascent among movies ended lower; all three families
have equal contrast and none holds a uniform field.  A trained network stands beside its untrained twin.
"""
SPAN = f"""
## Early recurrent units span the plane of spatial and temporal selectivity (dynamical recurrent classifier)

`as claimed` where at least a tenth of the units of an early recurrent layer is spatial ((S - T) / (S + T) above 1/3) and at least a tenth temporal (below -1/3),
each by the lower bound of its interval ({SHARE:.0%}).  Area: root of the determinant of the covariance of S and T, 0.083 for an even square.  Units with S and T
both below 0.1 (`neither`) have no index: the ratio of two such numbers says nothing; shares are of all units, and where all or none of n units are of a
class, the interval is Wilson's.

| network | layer | n | index, mean | index, SD [CI] | twin's SD [CI] | area [CI] | twin's area [CI] | spatial [CI] | temporal [CI] | neither [CI] | need movement [CI] | found |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""
MAPS = """
## Tuning to gratings layer by layer, beside the untrained twin

Every position of every layer; the median over channels of the median over positions, with intervals from resampling channels, which are what is independent.
Left out: the maze networks (a square of their mazes is 2 x 2 pixels of wall, passage, start or goal, and nothing in between or in motion is ever shown: a
grating is no image to them) and PC-RNN (it sees a measurement in k-space and reconstructs it: there is no frame to put a grating into).  Controls with dense areas have no maps.

In how many networks training moves a layer's median up or down, by a 95 % interval of trained less twin that leaves 0 out; a fortieth each way would by chance.
Networks of one architecture and seed share a twin (the glimpse networks, those behind a moving sensor, pairs with and without dropout): their counts are not independent.

| family | layer | networks | tuned, trained (twin) | OSI up, down | DSI up, down | F1/F0 up, down | spatial frequency up, down |
|---|---|---|---|---|---|---|---|
"""
EACH = """
Network by network (trained; twin; difference):

| network | layer | channels | OSI | | | DSI | | | F1/F0 | | | spatial frequency (cycles/pixel) | | |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""
LESIONS = """
## Lesions by class of selectivity

Accuracy lost by silencing the most selective channels of an early layer, and its excess over as many random channels of like variance (intervals over images and
draws).  `output`: the channel is silent; `lateral`: only the layer's other channels stop seeing it.  `time` are the most temporal channels there are, which in these
layers still images drive more than flicker.

| network | layer | class | silenced | kind | n | loss | controls | excess [CI] |
|---|---|---|---|---|---|---|---|---|
"""
NEURONS = """
## Neurons and units by the same indices

Medians over neurons or units, bootstrap intervals.  V4: the same 640 images; IT: seven objects for the neurons, seven digits for the units, three positions each.

| index | population | n | trained (or neurons) | untrained twin |
|---|---|---|---|---|
"""


# %%
def interval(ds, name, digits=3):
    return f"{float(ds[name]):.{digits}f} [{float(ds[name + '_low']):.{digits}f}, {float(ds[name + '_high']):.{digits}f}]"


def span_rows(key, plane, wider):
    """One row for each early layer and trained network; the twin follows its network.  `wider` collects whether the index spreads further than the twin's."""
    labels = [str(v).removeprefix("name=") for v in plane.model.values]
    for m, label in enumerate(labels):
        if "untrained" in label:
            continue
        for layer in EARLY[key]:
            one, twin = (plane.isel(model=k).sel(layer_name=layer) for k in (m, m + 1))
            if int(one.n_units) < 3:
                continue
            spans = min(float(one.share_space_low), float(one.share_time_low)) >= SHARE
            cells = [label, layer, str(int(one.n_units)), f"{float(one.index_mean):.2f}", interval(one, "index_spread"), interval(twin, "index_spread")]
            cells += [interval(one, "area", 4), interval(twin, "area", 4), *(interval(one, k, 2) for k in ("share_space", "share_time", "share_neither"))]
            wider.append(float(one.index_spread_low) > float(twin.index_spread_high))
            yield "| " + " | ".join([*cells, interval(one, "share_synergy", 2), "as claimed" if spans else "not shown"]) + " |"


def moved(summary, layer, measure):
    """In how many networks the layer's difference from the twin is above and below 0."""
    low, high = (summary[f"{measure}_difference_{side}"].sel(layer_name=layer).values for side in ("low", "high"))
    return f"{int((low > 0).sum())}, {int((high < 0).sum())}"


def family_rows(name, summary):
    for layer in summary.layer_name.values.tolist():
        share = summary.share_tuned.sel(layer_name=layer).values
        n = int(np.isfinite(share[:, 0]).sum())
        if n:
            cells = [name, layer, str(n), f"{np.nanmean(share[:, 0]):.2f} ({np.nanmean(share[:, 1]):.2f})", *(moved(summary, layer, k) for k in MEASURES)]
            yield "| " + " | ".join(cells) + " |"


def map_rows(summary):
    for name in summary.model_name.values.tolist():
        for layer in summary.layer_name.values.tolist():
            one = summary.sel(model_name=name, layer_name=layer)
            if not np.isfinite(one.osi).any():
                continue
            cells = [name, layer, str(int(one.n_channels[0]))]
            for k, digits in MEASURES.items():
                cells += [interval(one.isel(untrained=m), k, digits) for m in (0, 1)] + [interval(one, f"{k}_difference", digits)]
            yield "| " + " | ".join(cells) + " |"


def lesion_rows(name, ds):
    for i, n in enumerate(ds.n_silenced.values):
        for group in ds.group.values:
            for kind in ds.kind.values:
                one = ds.isel(size=i).sel(group=group, kind=kind)
                cells = [name, ds.attrs["layer"], str(group), str(one.silenced.values), str(kind), str(int(n))]
                cells += [f"{float(one.loss):.3f}", f"{float(one.control_loss):.3f}", interval(one, "excess")]
                yield "| " + " | ".join(cells) + " |"


def median(values):
    values = np.asarray(values, float)
    if len(values) < 3:
        return "", 0
    found = bootstrap_ci(values, statistic="median", level=LEVEL, seed=0)
    return f"{float(found.estimate):.2f} [{float(found.low):.2f}, {float(found.high):.2f}]", len(values)


def neuron_rows(index, name, neurons, units):
    text, n = median(neurons[index].values)
    yield f"| {index} | {name} neurons | {n} | {text} | |"
    layers = dict.fromkeys(str(v) for v in np.asarray(units.layer.values).astype(str).ravel() if str(v))
    for layer in layers:
        both = []
        for m in range(units.sizes["model"]):
            cell = units.isel(model=m)
            both.append(median(cell[index].values[np.asarray(cell.layer.values).astype(str) == layer]))
        yield f"| {index} | {layer} | {both[0][1]} | {both[0][0]} | {both[1][0]} |"


# %%
def read(key, **options):
    try:
        return open_result(f"selectivity/{key}", **options)
    except ArtefactError as error:
        sys.stderr.write(f"left out: {error}\n")
        return None


def report(path, **options):
    """Write the page from the results that are there."""
    lines, wider, absent = [HEAD, SPAN], [], []
    for key in EARLY:
        plane = read(f"plane_{key}", **options)
        absent += [key] if plane is None else []
        lines += [] if plane is None else [row + "\n" for row in span_rows(key, plane, wider)]
    rows = [line for line in lines if line.startswith("| ") and line.endswith((" as claimed |\n", " not shown |\n"))]
    count = f"{sum('as claimed' in row for row in rows)} of {len(rows)} layers do as claimed"
    lines.append(f"\n{count}; in {sum(wider)} the spread of the index lies above the twin's, interval above interval.\n")
    lines += [f"\nNot measured: {', '.join(absent)}.\n"] if absent else []
    summaries = {key: found for key in FAMILIES if (found := read(f"layers_{key}", **options)) is not None}
    for head, rows_of in ((MAPS, family_rows), (EACH, lambda _, summary: map_rows(summary))):
        lines.append(head)
        lines += [row + "\n" for key, summary in summaries.items() for row in rows_of(key, summary)]
    lines.append(LESIONS)
    for key in ("drc", "feedback"):
        ds = read(f"lesions_{key}", **options)
        lines += [] if ds is None else [row + "\n" for row in lesion_rows(key, ds)]
    lines.append(NEURONS)
    pairs = {"V4": {"neurons_v4": "units_v4", "gabor_neurons_v4": "gabor_units_v4"}, "IT": {"neurons_it": "units_it"}}
    wanted = {"neurons_v4": ("lifetime_sparseness", "breadth"), "gabor_neurons_v4": ("orientation_bias", "preferred_spatial_frequency_cpi")}
    wanted["neurons_it"] = ("selectivity_index", "position_tolerance", "latency_ms", "transience")
    for name, sources in pairs.items():
        for neurons, units in sources.items():
            both = read(neurons, **options), read(units, **options)
            if both[0] is not None and both[1] is not None:
                lines += [row + "\n" for index in wanted[neurons] for row in neuron_rows(index, name, *both)]
    Path(path).write_text("".join(lines), encoding="utf-8")


# %%
if __name__ == "__main__":
    report("analyses/selectivity/claims.md")
