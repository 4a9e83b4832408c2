"""When the trained networks decide: accuracy of four decoders, times of a confidence threshold, and what an answer's time says of it."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"times": "convrnn/reaction_times"}

CELLS = {
    "convrnn-rgc": ("gated + bypass", "blue", "o"),
    "convrnn-rgc-feedback": ("gated + bypass + feedback", "sky", "D"),
    "convrnn-simple-rnn": ("vanilla RNN", "vermilion", "s"),
    "convrnn-conv-lstm": ("LSTM", "purple", "^"),
}
DECODERS = {"last": "last step", "max_confidence": "most\nconfident", "threshold": "confidence\n> 0.3", "average": "average"}


def draw(times):
    fig = figure("double", 72)
    by_decoder, when, by_time = fig.subplots(1, 3)
    steps = np.unique(times.reaction_ms.sel(decoder="threshold").values)
    for k, (name, (label, colour, marker)) in enumerate(CELLS.items()):
        here = times.sel(model=name)
        style = {"color": COLOURS[colour], "marker": marker, "markersize": 4}
        correct = [here.correct.sel(decoder=d).values.astype(bool) for d in DECODERS]
        by_decoder.errorbar(np.arange(len(DECODERS)) + 0.12 * (k - 1.5), *_share(correct), ls="none", label=label, **style)
        fast, right = here.reaction_ms.sel(decoder="threshold").values, correct[list(DECODERS).index("threshold")]
        reached = here.reached.sel(decoder="threshold").values.astype(bool)
        when.errorbar(steps + 0.5 * (k - 1.5), *_share([reached & (fast <= t) for t in steps]), **style)
        groups = [right[reached & (fast == t)] for t in steps] + [right[~reached]]
        full = [g for g in groups if len(g) >= 10]
        x = np.array([*steps, steps[-1] + 10])[[len(g) >= 10 for g in groups]]
        by_time.errorbar(x + 0.5 * (k - 1.5), *_share(full), **style)
    by_decoder.set_xticks(range(len(DECODERS)), DECODERS.values())
    by_decoder.set_ylabel("accuracy")
    by_decoder.set_title(f"{times.sizes['presentation']} test images of CIFAR-10", loc="left")
    when.set_xlabel("time from image onset (ms)")
    when.set_ylabel("share of images decided")
    when.set_ylim(0, 1)
    by_time.set_xlabel("time of the decision (ms)")
    by_time.set_ylabel("accuracy of the decision")
    for ax in (when, by_time):
        ax.set_xticks(steps)
    by_time.set_xticks([*steps, steps[-1] + 10], [*(f"{t:g}" for t in steps), "never"])
    for ax in (by_decoder, by_time):
        ax.axhline(0.1, color="black", lw=0.6, ls=":")
        ax.set_ylim(0, None)
    by_decoder.annotate("chance", (0, 0.1), xytext=(0, 2), textcoords="offset points", fontsize=6)
    by_time.set_title("groups of 10 images or more", loc="left")
    fig.legend(*by_decoder.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    panel_letter([by_decoder, when, by_time], dx=-14)
    return fig


def _share(groups):
    """Shares of true values with 95 % intervals (normal approximation)."""
    p, n = np.array([g.mean() for g in groups]), np.array([len(g) for g in groups])
    return p, 1.96 * np.sqrt(p * (1 - p) / n)
