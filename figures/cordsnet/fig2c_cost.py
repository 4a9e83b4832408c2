"""What a CordsNet costs: multiply-accumulates against parameters, a step and a whole image (after CordsNet, figure 2C)."""

from neurodyn.plot import COLOURS, figure

INPUTS = {"cost": "cordsnet/fig2c_cost", "peers": "cordsnet/fig2c_peers"}


def draw(cost, peers):
    fig = figure("half", 78)
    ax = fig.subplots()
    nets, twins = cost.sel(architecture="cordsnet"), cost.sel(architecture="cordsnet_cnn")
    series = (
        ("CordsNet, 100 steps (one 200-ms image)", nets.macs_trial, nets, COLOURS["purple"], "o"),
        ("CordsNet, one step", nets.macs_step, nets, COLOURS["purple"], "^"),
        ("equivalent CNN, one pass", twins.macs_once + twins.macs_readout, twins, COLOURS["green"], "s"),
        ("CORnet-RT and -S, one trial", peers.macs_trial, peers, COLOURS["grey"], "D"),
    )
    for name, macs, of, colour, marker in series:
        face = "white" if marker == "^" else colour
        line = (0, (2, 2)) if marker == "D" else "-"
        ax.loglog(of.n_parameters, macs, marker=marker, color=colour, mfc=face, ms=5, lw=0.6, ls="none" if marker == "D" else line, label=name)
    for depth, x, y in zip(nets.depth.values, nets.n_parameters.values, nets.macs_trial.values, strict=True):
        ax.annotate(f"R{depth}", (x, y), xytext=(0, 6), textcoords="offset points", ha="center", color=COLOURS["purple"])
    for name, x, y in zip(peers.variant.values, peers.n_parameters.values, peers.macs_trial.values, strict=True):
        ax.annotate(str(name), (x, y), xytext=(6, 0), textcoords="offset points", va="center", color="0.35")
    ax.set_xlabel("Parameters")
    ax.set_ylabel("Multiply-accumulates")
    ax.set_title("224 x 224 pixels, 1000 classes; counted, not quoted")
    ax.margins(x=0.12, y=0.14)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    return fig
