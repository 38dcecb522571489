"""What a window that follows the round trip is worth: a backlog over a path of 200 ms, against a fixed window of 8 MiB.

    PYTHONPATH=tests python -m benchmarks.long_path [MB]

Both ship the same file to the same node through the same proxy, in turn, three times each.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import shapes
from benchmarks.processes import MB, Stage, finish, start
from logbus.devbroker import DevBroker
from support.proxy import Proxy

SIZE_MB = 400
ROUNDS = 3
DELAY_S = 0.1
SINK = '{type: file, path: "{folder}/copy.log"}'
WINDOWS = {"fixed": "window: {batches: 64, bytes: 8388608}\n", "following": ""}


def ship(stage: Stage, url: str, source: Path, window: str) -> tuple[float, float]:
    """Ship a file, all of it confirmed; return MB/s, and the shipper's most memory in MB."""
    folder = stage.folder()
    config = folder / "far.yml"
    config.write_text(
        f'broker: {{url: "{url}"}}\nhost: bench\nstate: {folder}/registry\n{window}inputs: [{{paths: ["{source}"]}}]\n'
    )
    with stage.sinks(folder, {"archive": SINK}):
        began = time.perf_counter()
        used = finish(start(["shipper", "--config", config, "--once"]))
        took_s = time.perf_counter() - began
    if used.code:
        raise RuntimeError(f"the shipper ended with {used.code}")
    (folder / "copy.log").unlink()
    return source.stat().st_size / MB / took_s, used.peak_mb


def main() -> int:
    """Measure, and print both rates and their ratio."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE_MB
    with tempfile.TemporaryDirectory(prefix="logbus-far-") as root, DevBroker(Path(root) / "broker") as broker:
        source = Path(root) / "plain.log"
        shapes.write(source, "log4j", size_mb * MB)
        stage = Stage(Path(root), broker)
        with Proxy(broker.port, DELAY_S) as proxy:
            url = broker.url.replace(str(broker.port), str(proxy.port))
            runs = [{name: ship(stage, url, source, keys) for name, keys in WINDOWS.items()} for _ in range(ROUNDS)]
    for name in WINDOWS:
        rates, peaks = zip(*(run[name] for run in runs), strict=True)
        print(f"{name}: {statistics.median(rates):.0f} MB/s, at most {max(peaks):.0f} MB of memory")
    ratios = sorted(run["following"][0] / run["fixed"][0] for run in runs)
    print(f"following / fixed: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
