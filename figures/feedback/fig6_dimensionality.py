"""Dimensions and information of the post-integration layer, in and out of distribution."""

import numpy as np

from neurodyn.plot.arms import plot_arm_curves, plot_arm_points
from neurodyn.plot.style import figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population"}


def draw(population):
    fig = figure("double", 118)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 4, left=0.085, right=0.985, top=0.93, bottom=0.22, wspace=0.62, hspace=0.8)
    panels = [fig.add_subplot(grid[k // 4, k % 4]) for k in range(8)]
    steps, conditions = population.trial_step.values, list(population.condition.values.astype(str))
    plot_arm_curves(panels[0], population, "participation_ratio_by_step", steps)
    panels[0].set(xlabel="step", ylabel="participation ratio")
    fig.legend(*panels[0].get_legend_handles_labels(), fontsize=5.5, loc="lower center", bbox_to_anchor=(0.5, 0.03), ncol=4)
    plot_arm_curves(panels[1], population, "participation_ratio_correlation_by_step", steps)
    panels[1].set(xlabel="step", ylabel="participation ratio\n(correlations)")
    plot_arm_curves(panels[2], population, "ratio", np.arange(len(conditions)))
    panels[2].set(ylabel="participation ratio,\nstep 5")
    few = np.unique(np.geomspace(1, population.sizes["component"], 14).astype(int)) - 1
    plot_arm_curves(panels[3], population, "spectrum", population.component.values[few], component=few)
    panels[3].set(xscale="log", yscale="log", xlabel="component", ylabel="share of variance")
    plot_arm_curves(panels[4], population, "information_curve", population.n_component.values, condition=0)
    panels[4].set(xscale="log", xlabel="principal components", ylabel="decoding accuracy,\nclean")
    plot_arm_curves(panels[5], population, "information", np.arange(len(conditions)))
    panels[5].set(ylabel="information about\nthe class (bit)")
    plot_arm_points(panels[6], population, "efficiency_clean", slanted=True)
    panels[6].set(ylabel="efficiency, clean\n(bit / dimension)")
    plot_arm_points(panels[7], population, "efficiency_ood", slanted=True)
    panels[7].set(ylabel="efficiency, mean of 4\nperturbed conditions")
    for ax in (panels[2], panels[5]):
        ax.set_xticks(range(len(conditions)), conditions, rotation=35, ha="right", fontsize=5)
    n = int((population.cell.values == "top-dropout").sum())
    text = f"{n} networks an arm; {population.attrs['n_geometry']} images; {population.attrs['n_units']} units for participation ratios; bands: standard error"
    figure_note(fig, text, x=0.07)
    panel_letter(panels)
    return fig
