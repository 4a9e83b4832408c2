"""What stopping early saves: three rules swept over their thresholds, at thresholds chosen on validation images, beside the CNN."""

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"stopping": "gdram/stopping", "outcomes": "gdram/outcomes"}
RULES = {
    "weight": ("two light weights in a row (paper's rule)", "vermilion", "o"),
    "confidence": ("largest class probability", "blue", "s"),
    "fixed": ("same number for every image", "grey", "^"),
}


def draw(stopping, outcomes):
    fig = figure("double", 68)
    left, right = fig.subplots(1, 2)
    for rule, (label, colour, marker) in RULES.items():
        one = stopping.sel(rule=rule)
        order = one.glimpses.argsort().values
        shade = COLOURS[colour]
        left.plot(
            one.glimpses[order], 100 * one.accuracy[order], color=shade, linewidth=1, label=label, marker=marker if rule == "fixed" else None, markersize=2.5
        )
        centre, low, high = (100 * float(one[f"chosen_{v}"]) for v in ("accuracy", "low", "high"))
        for ax, place in ((left, float(one.chosen_glimpses)), (right, float(one.chosen_macs) / 1e6)):
            ax.errorbar(place, centre, [[centre - low], [high - centre]], color=shade, marker=marker, markersize=5, markeredgecolor="black", zorder=5)
        right.plot(one.macs[order] / 1e6, 100 * one.accuracy[order], color=shade, linewidth=1)
    left.set(xlabel="mean glimpses before the answer", ylabel=f"accuracy (%), {int(stopping.attrs['n']):,} test canvases")
    left.set_ylim(bottom=left.get_ylim()[0] - 0.35 * (left.get_ylim()[1] - left.get_ylim()[0]))
    left.legend(fontsize=6, loc="lower right")
    left.set_title("outlined: thresholds that lose 1 point at most on validation images", fontsize=6)
    condition = outcomes.condition.values.astype(str)
    for name, marker in (("cnn-macs", "D"), ("cnn-parameters", "P")):
        chosen = outcomes.isel(model=condition == name)
        if chosen.sizes["model"]:
            each = 100 * chosen.correct.sel(path="own").isel(time_bin=0).mean("presentation").values
            right.plot(
                chosen.macs / 1e6,
                each,
                marker=marker,
                color=COLOURS["purple"],
                linestyle="none",
                label=f"CNN, equal {name.split('-')[1].replace('macs', 'MACs')} (n = {len(each)})",
            )
    right.set(xlabel="mean multiply-accumulates a trial (millions)", ylabel="accuracy (%)", xscale="log")
    right.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    right.set_xticks([], minor=True)
    right.legend(fontsize=6, loc="upper left")
    panel_letter([left, right], dx=-16)
    figure_note(fig, "Rules: one network (corrected training, n = 1); bars: 95 % bootstrap intervals over test canvases. CNNs: a mark a network.")
    return fig
