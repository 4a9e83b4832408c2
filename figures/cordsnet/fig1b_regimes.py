"""Random convolutional networks rest, oscillate or are chaotic as the gain of their weights grows (after CordsNet, figure 1B)."""

import numpy as np

from neurodyn.plot import CYCLE, figure, panel_letter

INPUTS = {"activity": "cordsnet/fig1b_activity", "regimes": "cordsnet/fig1b_regimes"}
NAMES = {"point": "rest", "limit cycle": "oscillation"}


def draw(activity, regimes):
    fig = figure("double", 55)
    panels = fig.subplots(1, activity.sizes["gain"], sharey=True)
    for k, ax in enumerate(panels):
        rates = activity.responses.isel(gain=k, presentation=0)
        moving = np.argsort(-rates.values[:, 100:].std(axis=1))[:200:40]
        ax.axvspan(0, 0.2, color="0.92", lw=0, zorder=0)
        for row, colour in zip(moving, CYCLE, strict=False):
            ax.plot(activity.time_bin_start.values / 1000, rates.values[row], color=colour, lw=0.8)
        regime = str(regimes.regime.values[k])
        exponent = float(regimes.exponent.values[k, 0, 0]) * 1000 / 20
        text = "" if np.isnan(exponent) else f"\nlargest exponent {exponent:+.2f} /s"
        ax.set_title(f"gain {float(activity.gain[k]):g}: {NAMES.get(regime, regime)}{text}")
        ax.set_xlabel("Time from input onset (s)")
        ax.set_xlim(0, 4)
    panels[0].set_ylabel("Rate of five units (a.u.)")
    panels[0].text(0.22, 0.03, "input", transform=panels[0].get_xaxis_transform(), fontsize=6, color="0.4")
    panels[0].text(0.98, 0.03, "untrained, n = 512 units", transform=panels[0].transAxes, fontsize=6, color="0.4", ha="right")
    panel_letter(panels)
    return fig
