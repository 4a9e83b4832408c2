"""Activity on one maze over time, the news of the goal against its speed limit, and when the answer is settled."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"activity": "adrnn/activity"}
SHOWN = [1, 2, 4, 7, 11, 16, 22, 30, 40]


def draw(activity):
    fig = figure("double", 112)
    fig.set_layout_engine("none")
    top = fig.add_gridspec(2, len(SHOWN), left=0.05, right=0.915, top=0.93, bottom=0.5, wspace=0.06, hspace=0.1)
    strips = [[fig.add_subplot(top[row, k]) for k in range(len(SHOWN))] for row in range(2)]
    for row, name in enumerate(("activity", "difference")):
        maps = activity[name].isel(example=0)
        most = float(maps.quantile(0.995))
        for ax, step in zip(strips[row], SHOWN, strict=True):
            ax.imshow(maps.isel(time_bin=step - 1), cmap="magma", vmin=0, vmax=most, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            if row == 0:
                ax.set_title(f"step {step}", fontsize=6, pad=2)
        strips[row][0].set_ylabel(("activity L", "difference that\nthe goal makes")[row], fontsize=6)
        place = strips[row][-1].get_position()
        bar = fig.colorbar(ax.images[0], cax=fig.add_axes([place.x1 + 0.008, place.y0, 0.008, place.height]))
        bar.ax.tick_params(labelsize=5)
        bar.set_label("mean over\nchannels (1)", fontsize=5)
    lower = fig.add_gridspec(1, 3, left=0.085, right=0.985, top=0.39, bottom=0.15, wspace=0.45)
    front, told, answer = (fig.add_subplot(lower[k]) for k in range(3))
    steps = np.arange(1, activity.sizes["time_bin"] + 1)
    band(front, steps, activity.front.values, COLOURS["vermilion"], "the news of the goal")
    limit = activity.limit.where(activity.limit <= float(activity.front.max()))  # beyond the map it says nothing
    front.plot(steps, limit, color="black", linestyle="--", linewidth=0.9, label=f"limit, {activity.attrs['reach']:.0f} place a step")
    front.set(xlabel="step", ylabel="farthest place reached\n(places from the goal)", ylim=(0, None))
    front.legend(fontsize=5.4)
    band(told, steps, 100 * activity.informed.values, COLOURS["vermilion"], None)
    told.set(xlabel="step", ylabel="places of the solution\nthat have the news (%)", ylim=(0, 102))
    enough = activity.sel(distance=activity.distance[activity.n_places >= 20])
    answer.fill_between(enough.distance, enough.answered_low, enough.answered_high, color=COLOURS["blue"], alpha=0.2, linewidth=0)
    answer.plot(enough.distance, enough.answered, color=COLOURS["blue"], label="median of all mazes' squares")
    answer.plot(enough.distance, enough.distance / activity.attrs["reach"], color="black", linestyle="--", linewidth=0.9, label="limit along the way")
    answer.set(xlabel="squares from the nearer end", ylabel="settled at step", ylim=(0, 58))
    answer.legend(fontsize=5.4)
    n, side = activity.sizes["presentation"], activity.sizes["map_row"]
    about = f"a, b: one unseen maze of size 13, {side} x {side} places, on one scale a row.  c-e: {n} such mazes, medians and quartiles; one network"
    fig.text(0.5, 0.02, about, ha="center", fontsize=6, color="0.3")
    panel_letter(strips[0][0], "a", dx=-4)
    panel_letter(strips[1][0], "b", dx=-4)
    for ax, letter in zip((front, told, answer), "cde", strict=True):
        panel_letter(ax, letter, dx=-30)
        ax.yaxis.label.set_fontsize(6)
        ax.xaxis.label.set_fontsize(6)
    return fig


def band(ax, x, values, colour, label):
    ax.fill_between(x, *np.quantile(values, [0.25, 0.75], axis=0), color=colour, alpha=0.2, linewidth=0)
    ax.plot(x, np.median(values, axis=0), color=colour, label=label)
