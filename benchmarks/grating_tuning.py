"""Cost of measuring grating tuning, as a ratio to the bare simulation of the same movies.

    python benchmarks/grating_tuning.py                 # speed: 8 directions x 8 spatial x 8 temporal frequencies x 40 steps
    python benchmarks/grating_tuning.py --memory        # peak memory with 40 and with 400 steps

Bare simulation: the model's encode, step and rates on frames drawn beforehand, nothing kept.  The ratio is that of CPU times of this process,
the median of rounds in which both sides run one after the other, so that other work on the machine counts less.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.dynamics.schedule import Timeline
from neurodyn.dynamics.simulate import unroll
from neurodyn.stimuli.gratings import GratingMovie, product
from neurodyn.testing.toys import ConvNetwork

SF = np.geomspace(0.03, 0.4, 8)
TF = np.arange(1, 9) / 30
ORIENTATION = np.arange(4) * 45.0
N_STEPS, N_SKIP, BATCH = 40, 10, 32


def model():
    return ConvNetwork(n_channels=32, size=32)


def bare(net, n_rows):
    """Step through batches of the same size on one batch's movie, drawn before the clock starts."""
    table = product(direction_deg=[0.0], spatial_frequency_cpp=SF, temporal_frequency_cpf=TF[:4])
    movie = torch.from_numpy(GratingMovie(table, 32, n_frames=N_STEPS).stimuli().values)
    timeline = Timeline(np.arange(N_STEPS), np.arange(N_STEPS), net.dt_ms)
    begin = time.process_time()
    with torch.no_grad():
        for _ in range(n_rows // BATCH):
            for _, state, drive in unroll(net, movie, timeline, movie=True):
                net.rates(state, drive, ("V2",))
    return time.process_time() - begin


def measured(net, orientations):
    begin = time.process_time()
    grating_tuning(
        net, "V2", spatial_frequency_cpp=SF, temporal_frequency_cpf=TF, orientation_deg=orientations, n_steps=N_STEPS, n_skip=N_SKIP, batch_size=BATCH
    )
    return time.process_time() - begin


def streamed(net, orientations):
    """The simulation part of the measurement: gratings drawn, Fourier components kept, no fits."""
    from neurodyn.analysis._grating_stream import plan_units, stream_components

    direction = np.sort(np.concatenate([orientations + 90, orientations + 270]) % 360)
    table = product(direction_deg=direction, spatial_frequency_cpp=SF, temporal_frequency_cpf=TF)
    begin = time.process_time()
    stream_components(net, plan_units(net, "V2", "all"), table, where="benchmark", n_steps=N_STEPS, n_skip=N_SKIP, batch_size=BATCH)
    return time.process_time() - begin


def speed(rounds, orientations):
    torch.set_num_threads(1)
    net = model()
    n_rows = 2 * len(orientations) * len(SF) * len(TF)
    bare(net, BATCH)
    rows = [(bare(net, n_rows), streamed(net, orientations), measured(net, orientations)) for _ in range(rounds)]
    base, stream, whole = np.median(rows, axis=0)
    ratios = np.median([[r[1] / r[0], r[2] / r[0]] for r in rows], axis=0)
    print(f"{n_rows} gratings x {N_STEPS} steps, 32,768 units of V2 in a network of 32 channels on 32 x 32 pixels, {rounds} rounds, CPU seconds")
    print(f"bare simulation                       {base:7.1f}")
    print(f"streamed Fourier components           {stream:7.1f}   ratio {ratios[0]:.2f}")
    print(f"grating_tuning, with its fits         {whole:7.1f}   ratio {ratios[1]:.2f}")


def memory():
    grid = "spatial_frequency_cpp=[.05, .1, .2], temporal_frequency_cpf=[.1, .2, .3]"
    for n_steps in (40, 400):
        code = (
            "import resource, numpy as np, torch; torch.set_num_threads(1)\n"
            "from neurodyn.analysis.grating_tuning import grating_tuning\n"
            "from neurodyn.testing.toys import ConvNetwork\n"
            f"grating_tuning(ConvNetwork(n_channels=8, size=32), 'V2', {grid}, n_steps={n_steps})\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        print(f"{n_steps:4d} steps: peak memory {float(out.stdout):.0f} MiB")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orientations", type=int, default=4, help="8 directions; fewer for a quick look")
    given = parser.parse_args()
    if given.memory:
        memory()
    else:
        speed(given.rounds, np.arange(given.orientations) * 180.0 / given.orientations)
