"""What both sides of a benchmark are measured by."""

import statistics
import time


def timed(call, repeats=1):
    """The answer of a call, and its CPU seconds in this process: the median of the repeats."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        answer = call()
        times.append(time.process_time() - begin)
    return answer, statistics.median(times)
