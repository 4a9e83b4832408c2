"""What the loss asks for and what small networks do: answers that stay or pass, one resting state or several (after CordsNet, page 22)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"ablation": "cordsnet/ablation_loss"}
WEIGHTS = ((-3.0, "log-weighted steps, 0.001 to 1", "o"), (0.0, "all steps alike", "s"))
SHADES = ("vermilion", "sky", "purple")
FLOOR, CEILING = 1e-8, 1e4
LEARNED = 0.2


def draw(ablation):
    fig = figure("double", 126)
    (logged, alike), (kept, rest) = fig.subplots(2, 2)
    for ax, (exponent, name, _) in zip((logged, alike), WEIGHTS, strict=True):
        _curves(ax, ablation.sel(first_exponent=exponent))
        ax.set_title(name[0].upper() + name[1:])
    change = 100 * (ablation.accuracy_late - ablation.accuracy_trained)
    far = ablation.distance.max("start").clip(FLOOR, CEILING).fillna(CEILING)
    learned = ablation.accuracy_trained > LEARNED
    _by_penalty(kept, change, ablation.steady_state, learned)
    _by_penalty(rest, far, ablation.mono_stable, learned)
    kept.set_ylim(-75, 20)
    kept.axhline(-5, color="0.6", lw=0.6, ls=(0, (2, 2)), label="_transient below")
    kept.set_ylabel("Accuracy change,\n80 to 240 ms (points)")
    kept.set_title("Does the answer stay? (below the line: transient)")
    rest.set_yscale("log")
    rest.set_ylim(FLOOR / 10, CEILING * 1e3)
    rest.set_yticks([1e-8, 1e-5, 1e-2, 1e1, 1e4], ["$10^{-8}$", "$10^{-5}$", "$10^{-2}$", "$10^{1}$", "$\\geq 10^{4}$"])
    rest.axhline(1e-2, color="0.6", lw=0.6, ls=(0, (2, 2)), label="_several states above")
    rest.set_ylabel("Relative distance\nfrom rest after 800 ms")
    rest.set_title("One resting state? (above the line: no)")
    for ax in (kept, rest):
        ax.set_xlabel("Weight of the return to baseline")
    (lines, weights), (markers, names) = logged.get_legend_handles_labels(), kept.get_legend_handles_labels()
    handles, labels = [*lines, *markers], [*(f"weight of the return {w}" for w in weights), *names]
    title = (
        f"two areas, 6 channels, 8-pixel digits, trained from random weights; each line or marker one network, {ablation.sizes['model_seed']} a setting\n"
        "image held three times as long as in training, grey: supervised; distances: the largest of 17 starts\n"
        "fractions: networks whose answer stays, or that have one resting state, of those that learned (cross: did not learn)"
    )
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title=title)
    panel_letter([logged, alike, kept, rest])
    return fig


def _curves(ax, one):
    time = one.time_bin_start.values.reshape(-1, one.sizes["time_bin"])[0]
    for penalty, shade in zip(one.penalty.values, SHADES, strict=True):
        for n, curve in enumerate(one.accuracy.sel(penalty=penalty).transpose("model_seed", "time_bin").values):
            ax.plot(time, 100 * curve, color=COLOURS[shade], lw=0.9, label=f"{penalty:g}" if n == 0 else f"_{penalty:g} {n}")
    ax.axvspan(50, 80, color="0.92", lw=0, zorder=0)
    ax.axhline(10, color="0.6", lw=0.6, ls=(0, (1, 1.5)), label="_chance")
    ax.set_ylim(0, 100)
    ax.set_xlabel("Time from image onset (ms)")
    ax.set_ylabel("Accuracy (%)")


def _by_penalty(ax, values, judged, learned):
    """One marker a network (a cross where it did not learn), and the share judged so of those that learned, above."""
    penalties = values.penalty.values
    for k, (exponent, name, marker) in enumerate(WEIGHTS):
        for row, (penalty, shade) in enumerate(zip(penalties, SHADES, strict=True)):
            found = values.sel(first_exponent=exponent, penalty=penalty).values
            place = row + 0.4 * (k - 0.5) + 0.07 * (np.arange(len(found)) - (len(found) - 1) / 2)
            face = COLOURS[shade] if k == 0 else "none"
            able = learned.sel(first_exponent=exponent, penalty=penalty).values
            ax.plot(place[able], found[able], marker, color=COLOURS[shade], mfc=face, ms=4, label=f"_{name} {penalty:g}")
            ax.plot(place[~able], found[~able], "x", color=COLOURS[shade], ms=4, label=f"_{name} {penalty:g}, not learned")
            right = judged.sel(first_exponent=exponent, penalty=penalty).values[able]
            ax.annotate(f"{int(right.sum())}/{len(right)}", (place.mean(), 0.99), xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=6)
        ax.plot([], [], marker, color="0.3", mfc="0.3" if k == 0 else "none", ms=4, ls="", label=name)
    ax.set_xticks(np.arange(len(penalties)), [f"{v:g}" for v in penalties])
    ax.set_xlim(-0.5, len(penalties) - 0.5)
