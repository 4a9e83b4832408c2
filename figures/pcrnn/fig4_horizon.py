"""Past the trained iterations: does the metric hold, and does every start end in the same place?"""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"horizon": "pcrnn/horizon", "endpoints": "pcrnn/endpoints"}
SHADES = {"x1": COLOURS["orange"], "x2": COLOURS["green"], "x3": COLOURS["blue"]}
NAMES = {"x1": "module 1 (stride 4)", "x2": "module 2 (stride 2)", "x3": "module 3 (stride 1)"}
STARTS = {"zero": ("zeros", COLOURS["grey"]), "noise": ("noise", COLOURS["purple"]), "other": ("another image", COLOURS["vermilion"])}
FLOOR = 1e-8


def draw(horizon, endpoints):
    fig = figure("double", 116)
    axes = fig.subplots(2, 3)
    for ax, a in zip(axes[0], horizon.acceleration.values, strict=False):
        draw_metric(ax, horizon.sel(acceleration=a), a)
    axes[0, 0].legend(fontsize=5.5, loc="lower right")
    draw_speed(axes[0, 2], endpoints)
    for ax, module in zip(axes[1], NAMES, strict=True):
        draw_distance(ax, endpoints.sel(module=module), module)
    axes[1, 0].legend(fontsize=5.8, loc="lower left", title="started from", title_fontsize=5.8)
    for ax in axes.ravel():
        ax.tick_params(labelsize=6)
        ax.xaxis.label.set_size(6.3)
        ax.yaxis.label.set_size(6.3)
    panel_letter(axes.ravel().tolist())
    return fig


def spread(values):
    values = np.where(np.isfinite(values), values, 1e30)
    return np.quantile(values, [0.25, 0.5, 0.75], axis=0)


def draw_metric(ax, one, acceleration):
    held = 2  # the state after two iterations is where it goes on from
    for module, shade in SHADES.items():
        low, middle, high = spread(one.nmse.sel(module=module, start="own").values)
        step = one.step.values + held - 1 + 1
        ax.plot(step, middle, color=shade, label=NAMES[module])
        ax.fill_between(step, low, high, color=shade, alpha=0.2, linewidth=0)
    trained = int(one.attrs.get("n_trained", 3))
    ax.axvline(trained, color="0.5", linewidth=0.6, linestyle=":")
    ax.set(yscale="log", xlabel="iteration of the module", ylabel="NMSE (1)", ylim=(0.1, 1000))
    ax.set_title(f"{acceleration:g}x, n = {one.sizes['presentation']}, median, quartiles; dotted: trained", fontsize=6.3)


def draw_speed(ax, found):
    for module, shade in SHADES.items():
        low, middle, high = spread(found.speed.sel(module=module, start="own").values)
        ax.plot(found.step, middle, color=shade)
        ax.fill_between(found.step, np.maximum(low, FLOOR), high, color=shade, alpha=0.2, linewidth=0)
    ax.axhline(1e-4, color="0.5", linewidth=0.6, linestyle=":")
    ax.set(yscale="log", xlabel="iterations after the second", ylabel="speed |dx| / |x| (1/iteration)", ylim=(FLOOR, 10))
    ax.set_title(f"4x, n = {found.sizes['presentation']}", fontsize=6.3)


def draw_distance(ax, one, module):
    for start, (name, shade) in STARTS.items():
        low, middle, high = spread(one.distance.sel(start=start).values)
        ax.plot(one.step, np.maximum(middle, FLOOR), color=shade, label=name)
        ax.fill_between(one.step, np.maximum(low, FLOOR), np.maximum(high, FLOOR), color=shade, alpha=0.2, linewidth=0)
    ax.set(yscale="log", xlabel="iterations after the second", ylabel="distance to own start's image (1)", ylim=(FLOOR, 30))
    ax.set_title(f"{NAMES[module]}: one end\nin {100 * float(one.same_end):.0f} % of {one.sizes['presentation']} phantoms", fontsize=6.3)
