"""A feature map of the first area over time: a CNN answers at once, a CordsNet builds up and lets go (after CordsNet, figure 3A)."""

import numpy as np

from neurodyn.plot import COLOURS, figure

INPUTS = {"sequences": "cordsnet/fig3ab_sequences"}
TIMES_MS = (-2, 2, 6, 12, 24, 60, 98, 106, 118, 140)
ROWS = (("cordsnet-digits-cnn", "CNN", "green"), ("cordsnet-digits", "CordsNet", "purple"))


def draw(sequences):
    fig = figure("double", 66)
    shown = sequences.sel(pattern="held then gone")
    time, image = shown.time_bin_start.values, shown.image.values.reshape(-1, shown.sizes["time_bin"])[0]
    stimulus = shown.stimulus.values.reshape(-1, *shown.stimulus.shape[-4:])[0]
    side = int(np.sqrt(shown.sizes["neuroid"] / 8))
    axes = fig.subplots(1 + len(ROWS), len(TIMES_MS))
    moments = [int(np.argmin(abs(time - t))) for t in TIMES_MS]
    for column, k in enumerate(moments):
        picture = stimulus[image[k], 0] if image[k] >= 0 else np.full(stimulus.shape[-2:], stimulus.mean())
        axes[0, column].imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(f"{TIMES_MS[column]:+d} ms")
    axes[0, 0].set_ylabel("image")
    for row, (model, name, colour) in enumerate(ROWS, 1):
        maps = shown.activity.sel(model=model).values.reshape(len(time), 8, side, side)
        held = (time > 60) & (time < 98)
        channel = int(maps[held].mean(axis=0).reshape(8, -1).std(axis=1).argmax())
        for column, k in enumerate(moments):
            axes[row, column].imshow(maps[k, channel], cmap="gray", vmin=0, vmax=float(maps[held, channel].max()), interpolation="nearest")
        axes[row, 0].set_ylabel(name, color=COLOURS[colour])
    for ax, k in zip(axes.T.ravel(), np.repeat(moments, len(axes)), strict=True):
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set(visible=True, color=COLOURS["orange"] if image[k] >= 0 else "0.7", linewidth=1.0)
    fig.supxlabel(
        "Time from image onset; orange border: image on. Rates of one channel of the first area, the most selective of 8, in its own grey scale.", fontsize=6
    )
    return fig
