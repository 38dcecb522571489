"""How long something takes, whatever else the process does."""

import time
from collections.abc import Callable

RUNS = 3


def least_cpu_s(do: Callable[[], object]) -> float:
    """Return the processor time of the shortest of three runs: a garbage collection may fall into one."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        do()
        times.append(time.process_time() - began)
    return min(times)
