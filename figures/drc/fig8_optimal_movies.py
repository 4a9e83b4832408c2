"""What drives units of the recurrent front end best: a still image, a flicker of the whole field, a movie; three units of its last layer."""

import numpy as np

from neurodyn.plot.style import figure, figure_note

INPUTS = {"optimal": "selectivity/optimal_drc"}
ROWS = {"space": "still image", "time": "flicker", "spacetime": "movie"}


def draw(optimal):
    names = [str(v) for v in optimal.model.values]
    one = optimal.isel(model=next(i for i, v in enumerate(names) if "t10-s0" in v and "untrained" not in v))
    one = one.isel(neuroid=one.layer.values.astype(str) == "gru3")
    above = one.activation - one.grey
    best = above.sel(family="spacetime").values
    s, t = (above.sel(family=k).values / np.where(best > 0, best, np.nan) for k in ("space", "time"))
    synergy = 1 - np.fmax(s, t)
    chosen = {"most spatial": int(np.nanargmax(s - t)), "most temporal": int(np.nanargmin(s - t)), "most in need of both": int(np.nanargmax(synergy))}
    fig = figure("double", 152)
    fig.set_layout_engine("none")
    n_frames = one.sizes["frame"]
    for b, (title, unit) in enumerate(chosen.items()):
        top = 0.95 - 0.31 * b
        fig.text(0.01, top - 0.135, f"{title}\n(channel {int(one.channel.values[unit])})\n\nS = {s[unit]:.2f}\nT = {t[unit]:.2f}", fontsize=6.5, va="center")
        for r, (family, label) in enumerate(ROWS.items()):
            movie = one.stimulus.isel(neuroid=unit).sel(family=family).transpose("frame", "row_in", "column_in", "channel_in").values
            away = movie - movie.mean(axis=(0, 1, 2))
            for k in range(n_frames):
                ax = fig.add_axes((0.245 + 0.075 * k, top - 0.09 * (r + 1), 0.07, 0.084))
                ax.imshow(0.5 + away[k] / (2 * max(np.abs(away).max(), 1e-9)), interpolation="nearest", aspect="auto")
                ax.set(xticks=[], yticks=[])
                if b == r == 0:
                    ax.set_title("frame 1" if k == 0 else f"{k + 1}", fontsize=6, pad=2)
            fig.text(0.237, top - 0.09 * (r + 0.55), f"{label}\n{float(above.sel(family=family)[unit]):.2f}", fontsize=6, ha="right", va="center")
    note = (
        "Beside the rows: activation above grey of the central unit; S and T: of the still image and the flicker, as shares of the movie's.  Best of two "
        "starts; colours stretched\nabout their mean in each row.  Ten frames of 8 x 8 receptors, 33 ms each, the sensor at rest; last layer of the front end."
    )
    figure_note(fig, note)
    return fig
