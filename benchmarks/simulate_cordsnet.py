"""Speed and memory of simulate on CordsNet R8 at 224 pixels, against its own convolutions and against the unhoisted update.

    python benchmarks/simulate_cordsnet.py                  # speed: ratios, all sides in one run
    python benchmarks/simulate_cordsnet.py --memory 1000    # peak memory over 1,000 images written to disk

Sides, all in channels_last on one thread, same steps and batch:

bare         the convolutions of one step, torch.nn.functional.conv2d on ready-made tensors: no sums, no nonlinearity, no loop of ours
simulate     neurodyn.simulate, last step of the last area kept
update       encode and step alone, without simulate around them
unhoisted    stem and input skip for every area at every step, kernels normalised at every use, as the released code does it

The time is CPU time of the process (neighbours on the machine do not count), the smallest of several interleaved rounds.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import neurodyn as nd
from neurodyn.dynamics.simulate import estimate
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator


def bare(model, n, n_steps):
    """The convolutions of encode once and of step n_steps times."""
    w = model.kernels()
    shapes = [tuple(b.shape) for b in model.area_bias]
    x = [torch.rand(n, *s).to(memory_format=torch.channels_last) for s in shapes]
    image = torch.rand(n, *model.blank.shape).to(memory_format=torch.channels_last)

    def run():
        F.conv2d(image, w["stem"], stride=2, padding=3)
        for name in ("input_skip", "forward0", "forward1"):
            F.conv2d(x[0], w[name], padding=1)
        for _ in range(n_steps):
            for i in range(len(shapes)):
                F.conv2d(x[i], w[f"recurrent{i}"], padding=1)
                if i == 1:
                    F.conv2d(x[0], w["forward1"], padding=1)
                elif i > 1 and i % 2 == 0:
                    F.conv2d(x[i - 1], w[f"forward{i}"], stride=2, padding=1)
                elif i > 1:
                    F.conv2d(x[i - 2], w[f"skip{i}"], stride=2)
                    F.conv2d(x[i - 1], w[f"forward{i}"], padding=1)

    return run


def update(model, frames, n_steps):
    """Encode and step alone."""

    def run():
        drive = model.encode(frames)
        state = model.initial_state(drive)
        for _ in range(n_steps):
            state = model.step(state, drive)

    return run


def unhoisted(model, frames, n_steps):
    """The update as the released code writes it."""
    c, normed = model.config, model.normed()

    def area(i, r, x):
        p = F.avg_pool2d(F.conv2d((frames - model.mean) / model.std, normed["stem"].weight(), stride=c.stem_stride, padding=3), 3, stride=2, padding=1)
        if i == 0:
            s = p
        elif i == 1:
            s = x[0] + F.conv2d(p, normed["input_skip"].weight(), padding=1)
        elif i % 2 == 0:
            s = x[i - 1] + x[i - 2]
        else:
            s = x[i - 1] + F.conv2d(x[i - 2], normed[f"skip{i}"].weight(), stride=2)
        below = F.conv2d(s, normed[f"forward{i}"].weight(), stride=2 if i and i % 2 == 0 else 1, padding=1)
        current = F.conv2d(r[i], normed[f"recurrent{i}"].weight(), padding=1) + model.area_bias[i] + below
        return (1 - model.alpha) * r[i] + model.alpha * torch.relu(current)

    def run():
        r = [torch.zeros(len(frames), *b.shape).to(memory_format=torch.channels_last) for b in model.area_bias]
        for _ in range(n_steps):
            x = [torch.relu(v) for v in r]
            r = [area(i, r, x) for i in range(len(r))]

    return run


def speed(n_steps, batch, rounds):
    """Print and return the CPU time of each side, s."""
    model = nd.build("cordsnet", depth=8).to(memory_format=torch.channels_last)
    pixels = numpy_generator(0, "benchmark").random((batch, 3, 224, 224), dtype=np.float32)
    stimuli, frames = make_stimuli(pixels), torch.from_numpy(pixels).to(memory_format=torch.channels_last)
    schedule, record = nd.Schedule.steps(stimulus=n_steps), nd.Record(layers=("area7",), steps="last")
    best = {}
    with torch.no_grad():
        sides = {
            "bare": bare(model, batch, n_steps),
            "simulate": lambda: nd.simulate(model, stimuli, schedule, record, batch_size=batch, progress=False),
            "update": update(model, frames, n_steps),
            "unhoisted": unhoisted(model, frames, n_steps),
        }
        for _ in range(rounds):
            for name, run in sides.items():
                begun = time.process_time()
                run()
                best[name] = min(best.get(name, float("inf")), time.process_time() - begun)
    print(f"CordsNet R8, 224 px, batch {batch}, {n_steps} steps, {torch.get_num_threads()} thread, torch {torch.__version__}")
    for name, seconds in best.items():
        print(f"  {name:10s} {1e3 * seconds / (n_steps * batch):8.2f} ms an image-step   {seconds / best['bare']:.3f} x bare")
    return best


def memory(n_images, image_size, first):
    """Print and return the peak resident memory, MiB, after a few images and after all of them, written to disk in one call each."""
    model = nd.build("cordsnet", depth=8, image_size=image_size, n_classes=10).to(memory_format=torch.channels_last)
    stimuli = make_stimuli(numpy_generator(0, "benchmark").random((n_images, 3, image_size, image_size), dtype=np.float32))
    schedule, record = nd.Schedule.steps(stimulus=6), nd.Record(layers=("area4", "area5", "area6", "area7"))
    peaks = []
    for n in (first, n_images):
        with tempfile.TemporaryDirectory() as folder:
            nd.simulate(model, stimuli[:n], schedule, record, batch_size=8, out=Path(folder) / "r.nc", progress=False).close()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    kept = estimate(model, stimuli, schedule, record).bytes / 2**20
    print(f"CordsNet R8, {image_size} px: peak {peaks[0]:.0f} MiB after {first} images, {peaks[1]:.0f} MiB after {n_images} (result {kept:.0f} MiB, on disk)")
    return peaks


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--memory", type=int, metavar="IMAGES")
    options.add_argument("--image-size", type=int, default=64)
    given = options.parse_args()
    torch.set_num_threads(1)
    if given.memory:
        memory(given.memory, given.image_size, 50)
    else:
        speed(given.steps, given.batch, given.rounds)
