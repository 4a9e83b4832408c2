"""An oscillating and a chaotic random network: trajectory, dimension and autocorrelation (after CordsNet, figure S1B)."""

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"settled": "cordsnet/figs1b_autocorrelation"}
SHOWN = ((1, "oscillating", COLOURS["blue"]), (2, "chaotic", COLOURS["vermilion"]))


def draw(settled):
    fig = figure("double", 60)
    first, second, variance, lags = fig.subplots(1, 4)
    for (k, name, colour), ax in zip(SHOWN, (first, second), strict=True):
        path = settled.score.isel(gain=k, presentation=0).values
        ax.plot(path[:, 0], path[:, 1], color=colour, lw=0.6)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel("PC 1 (a.u.)")
        ax.set_ylabel("PC 2 (a.u.)")
        ax.set_title(f"gain {float(settled.gain[k]):g}, {name}")
        share = settled.cumulative_variance.isel(gain=k, presentation=0).values
        ratio = float(settled.participation_ratio.isel(gain=k, presentation=0))
        variance.plot(settled.component.values, 100 * share, "o-", ms=2, color=colour, label=f"{name}, participation ratio {ratio:.1f}")
        lags.plot(settled.lag_ms.values / 1000, settled.autocorrelation.isel(gain=k, presentation=0).values, color=colour, lw=0.9, label=name)
    variance.set_ylim(0, 103)
    variance.set_xlabel("Number of components")
    variance.set_ylabel("Variance explained (%)")
    variance.legend(loc="upper center", bbox_to_anchor=(0.45, -0.26), fontsize=5.5)
    lags.set_xlabel("Lag (s)")
    lags.set_ylabel("Autocorrelation")
    lags.set_ylim(-1.15, 1.05)
    lags.legend(loc="upper center", bbox_to_anchor=(0.5, -0.26), fontsize=5.5)
    n = settled.sizes["time_bin"] if "time_bin" in settled.dims else len(settled.score.values[0, 0])
    lags.set_title(f"{n * 0.02:.0f} s after settling", fontsize=6.5)
    variance.set_title("untrained, n = 512 units", fontsize=6.5)
    panel_letter([first, second, variance, lags])
    return fig
