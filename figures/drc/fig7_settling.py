"""When the sensor stops at its last frame: whether the recurrent front end comes to rest, trained on a moving sensor, on a still one, or not at all."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"held": "drc/settling"}

NETWORKS = {
    ("drc-cifar10-t5-s0", "false"): ("trained, moving sensor", "vermilion", "-"),
    ("drc-cifar10-still-s0", "false"): ("trained, still sensor", "blue", "-"),
    ("drc-cifar10-t5-s0", "true"): ("untrained twin, moving", "grey", "-"),
    ("drc-cifar10-still-s0", "true"): ("untrained twin, still", "black", ":"),
}
SHADES = {"settles": COLOURS["green"], "slows": COLOURS["sky"], "turns": COLOURS["yellow"], "runs away": COLOURS["vermilion"]}


def draw(held):
    fig = figure("double", 68)
    speed, size, share = fig.subplots(1, 3, width_ratios=[1.0, 1.0, 0.8])
    networks = [(one(held, *key), *look) for key, look in NETWORKS.items()]
    for found, label, colour, line in networks:
        t = found.step.values + 1
        for ax, name in ((speed, "relative_speed"), (size, "size")):
            values = np.maximum(found[name].values, 1e-9)
            low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
            ax.fill_between(t, low, high, color=COLOURS[colour], alpha=0.2, lw=0)
            ax.plot(t, middle, color=COLOURS[colour], ls=line, label=label)
            ax.set_xlabel("steps after the last frame")
    speed.axhline(held.attrs["still"], color="black", lw=0.6, ls=":")
    speed.set(yscale="log", ylabel="relative speed (1/step)")
    speed.set_title(f"median and 80 % of {held.sizes['presentation']} movies", loc="left")
    size.set(ylabel="size of the state |x|", ylim=(0, None))
    y, base = np.arange(len(networks))[::-1], np.zeros(len(networks))
    for kind, shade in SHADES.items():
        values = np.array([100 * float(found.share.sel(kind=kind)) for found, *_ in networks])
        share.barh(y, values, left=base, height=0.7, color=shade, label=kind)
        base += values
    share.set_yticks(y, [label.replace(", ", ",\n") for _, label, *_ in networks])
    share.tick_params(axis="y", length=0)
    share.set(xlabel="movies (%)", xlim=(0, 100))
    share.legend(loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=2, handlelength=0.8, columnspacing=0.8)
    fig.legend(*speed.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    panel_letter([speed, size], dx=-14)
    panel_letter(share, "c", dx=-52)
    return fig


def one(held, name, untrained):
    kinds = [str(v).lower() for v in held.untrained.values]
    return held.sel(model_name=name).isel(untrained=kinds.index(untrained))
