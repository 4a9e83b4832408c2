"""Two trainings from the inside: which module receives a gradient from which term of the loss, and how reinforcement goes."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"outcomes": "gdram/outcomes"}
TRAININGS = {"paper": ("paper's", "grey", "s"), "corrected": ("corrected", "vermilion", "o")}
NAMES = {
    "what": "glimpse net: what",
    "where": "glimpse net: where",
    "recognition": "LSTM 1 (recognition)",
    "location": "LSTM 2 (location)",
    "context": "context net",
    "policy": "policy trunk",
    "policy_mean": "policy mean",
    "policy_spread": "policy sigma",
    "classifier": "classifier",
    "baseline": "baseline",
}
CURVES = {
    "advantage_mean": "mean advantage",
    "explained_variance": "variance of the reward\nexplained by the baseline",
    "sigma": "mean sigma\n(of the largest move)",
    "clip_rate": "share of clipped moves",
}


def draw(outcomes):
    fig = figure("double", 116)
    grid = fig.add_gridspec(2, 1, height_ratios=(1.25, 1))
    maps = grid[0].subgridspec(1, 3, width_ratios=(1, 1, 0.8)).subplots()
    condition = outcomes.condition.values.astype(str)
    for ax, (key, (label, *_)) in zip(maps, TRAININGS.items(), strict=False):
        one = outcomes.isel(model=int(np.nonzero(condition == key)[0][0]))
        picture = reach(ax, one.reach, f"{label} training")
    maps[1].set_yticklabels([])
    fig.colorbar(picture, ax=list(maps[:2]), fraction=0.03, pad=0.01).set_label("norm of the gradient (log10)", fontsize=6)
    noise(maps[2], outcomes, condition)
    curves = grid[1].subgridspec(1, 4).subplots()
    for ax, (name, label) in zip(curves, CURVES.items(), strict=True):
        for key, (legend, colour, marker) in TRAININGS.items():
            for j, k in enumerate(np.nonzero(condition == key)[0]):
                style = {"color": COLOURS[colour], "marker": marker, "markersize": 3, "linewidth": 1}
                ax.plot(outcomes.epoch, outcomes[name][k], label=legend if j == 0 else None, **style)
        ax.set(xlabel="epoch", ylabel=label, xticks=outcomes.epoch.values)
    for ax in curves[:2]:
        ax.axhline(0, color="0.5", linewidth=0.6, linestyle=":")
    curves[0].legend(fontsize=6)
    panel_letter([maps[0], maps[1], maps[2], *curves], dx=-12)
    count = {key: int((condition == key).sum()) for key in TRAININGS}
    note = (
        f"a, b: one network each, after training; frames: no gradient from any term. c-g: a mark or a line a network ({count['paper']} paper's, "
        f"{count['corrected']} corrected).\nc: hollow, the mean gradient over 20 batches is no larger than noise alone would make it; the estimate is cut at 0."
    )
    figure_note(fig, note)
    fig.get_layout_engine().set(rect=(0, 0.045, 1, 0.955))
    return fig


def reach(ax, values, title):
    modules = [m for m in NAMES if m in values.module.values]
    norms = values.sel(module=modules).transpose("module", "term").values
    with np.errstate(divide="ignore"):
        picture = ax.imshow(np.where(norms > 0, np.log10(norms), np.nan), cmap="cividis", vmin=-4, vmax=1, aspect="auto")
    for i, j in zip(*np.nonzero(norms == 0), strict=True):
        ax.text(j, i, "0", ha="center", va="center", fontsize=6, color=COLOURS["vermilion"])
    for i, j in zip(*np.nonzero((norms > 0) & (norms < 1e-4)), strict=True):
        ax.text(j, i, "< $10^{-4}$", ha="center", va="center", fontsize=5, color="white")
    for i, row in enumerate(norms):
        if (row == 0).all():
            ax.add_patch(type(ax.patch)((-0.48, i - 0.46), norms.shape[1] - 0.04, 0.92, fill=False, edgecolor=COLOURS["vermilion"], linewidth=1.2))
    ax.set_yticks(range(len(modules)), [NAMES[m] for m in modules], fontsize=6)
    ax.set_xticks(range(norms.shape[1]), ["classifi-\ncation", "baseline", "reinforce-\nment"], fontsize=6)
    ax.set_title(title)
    return picture


def noise(ax, outcomes, condition):
    for j, (key, (_, colour, marker)) in enumerate(TRAININGS.items()):
        mine = np.nonzero(condition == key)[0]
        for m, k in enumerate(mine):
            ratio = float(outcomes.gradient_noise.sel(part="snr")[k])
            place = j + 0.12 * (m - (len(mine) - 1) / 2)
            ax.plot(place, ratio, color=COLOURS[colour], marker=marker, linestyle="none", markerfacecolor="white" if ratio == 0 else None, clip_on=False)
    ax.set_xticks(range(len(TRAININGS)), [v[0] for v in TRAININGS.values()])
    ax.set(xlim=(-0.6, 1.6), ylabel="signal / noise of the policy's\ngradient, one batch, after training")
    ax.set_ylim(-0.004, None)
