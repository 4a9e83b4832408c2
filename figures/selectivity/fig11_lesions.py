"""What two networks lose with the units that are selective in space, in time, in both, or for movement."""

from neurodyn.plot.lesions import plot_lesions
from neurodyn.plot.style import figure, panel_letter

INPUTS = {"drc": "selectivity/lesions_drc", "feedback": "selectivity/lesions_feedback"}
NAMES = {"drc": "moving sensor, gru1", "feedback": "feedback, area1"}
KINDS = {"output": "output", "lateral": "lateral weights"}


def draw(drc, feedback):
    fig = figure("double", 110)
    axes = fig.subplots(2, 2, sharey="row")
    for row, (name, data) in zip(axes, {"drc": drc, "feedback": feedback}.items(), strict=True):
        for ax, (kind, text) in zip(row, KINDS.items(), strict=True):
            plot_lesions(ax, data, kind)
            ax.set_title(f"{NAMES[name]}: {text} (intact {float(data.accuracy_intact):.2f}, {data.attrs['n_images']} images)", loc="left", fontsize=7)
        row[0].set_ylabel("accuracy lost")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    title = "Most selective channels of a class (filled), random ones of like variance (open); 95 % intervals over images and draws"
    fig.legend(handles, labels, loc="outside lower center", ncols=4, title=title)
    panel_letter(list(axes.ravel()), dx=-6)
    return fig
