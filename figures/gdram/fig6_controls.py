"""What the answers owe to the scanpath, to each scale, to the context and to the cores: accuracy without them."""

from neurodyn.plot.style import COLOURS, figure

INPUTS = {"controls": "gdram/controls_table"}
MODELS = {"corrected": ("vermilion", "o"), "paper's": ("grey", "s")}


def draw(controls):
    fig = figure("half", 92)
    ax = fig.subplots()
    paths = [str(p) for p in controls.path.values][::-1]
    for j, (name, (colour, marker)) in enumerate(MODELS.items()):
        one = controls.sel(group=name)
        for k, path in enumerate(paths):
            centre, low, high = (100 * float(one.sel(path=path)[v]) for v in ("accuracy", "low", "high"))
            place = k + 0.13 * (1 - 2 * j)
            label = f"{name} training" if k == 0 else None
            ax.errorbar(
                centre, place, xerr=[[centre - low], [high - centre]], color=COLOURS[colour], marker=marker, markersize=4, label=label, linestyle="none"
            )
        ax.axvline(100 * float(one.sel(path="own").accuracy), color=COLOURS[colour], linewidth=0.6, linestyle=":")
    ax.axvline(10, color="0.5", linewidth=0.6, linestyle="--")
    ax.text(10.6, len(paths) - 0.55, "chance", fontsize=5.6, va="center")
    ax.set_yticks(range(len(paths)), paths, fontsize=6.5)
    ax.set(xlabel=f"accuracy after six glimpses (%)\n{controls.attrs['n_images']:,} test canvases, 95 % bootstrap interval, one network each", xlim=(0, 100))
    ax.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.57, 1.0))
    return fig
