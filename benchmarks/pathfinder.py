"""How fast PathFinder displays and mazes are drawn, and what the distance of the disks gives away; CPU seconds of this process.

python benchmarks/pathfinder.py speed       # displays a second at 300 pixels for N = 6 ... 24; the public generator takes 0.31 s at N = 14 (3.2 a second)
python benchmarks/pathfinder.py shortcut    # accuracy of the best interval of disk distances, free and matched negatives
"""

import sys
import time

import numpy as np

from neurodyn.stimuli.mazes import mazes
from neurodyn.stimuli.pathfinder import display, distance_observer, pathfinder


def speed(n=40):
    pathfinder(14, n=5, seed=1)  # fills the stencils' cache
    for level in (6, 9, 14, 18, 21, 24):
        begin = time.process_time()
        pathfinder(level, n=n, seed=0)
        print(f"PathFinder N = {level:2d}: {n / (time.process_time() - begin):6.1f} displays a second")
    for size in (9, 13, 33):
        begin = time.process_time()
        mazes(size, n=n, seed=0)
        print(f"mazes of size {size:2d}: {n / (time.process_time() - begin):6.1f} a second")


def shortcut(n=600):
    for level in (9, 14, 18):
        for matched in (False, True):
            drawn = [display(level, n_distractors=0, matched=matched, seed=0, index=k) for k in range(n)]
            distance, label = np.array([d.marker_distance for d in drawn]), np.array([d.label for d in drawn])
            pairs = distance[label == 1][:, None] - distance[label == 0][None]
            area = float(((pairs > 0) + 0.5 * (pairs == 0)).mean())
            kind = "matched" if matched else "free   "
            right = 100 * distance_observer(distance, label).mean()
            print(f"N = {level:2d}, {kind} negatives: best interval {right:.1f} % held out, AUC {area:.2f} ({n} displays)")


if __name__ == "__main__":
    {"speed": speed, "shortcut": shortcut}[sys.argv[1] if len(sys.argv) > 1 else "speed"]()
