"""How fast is it here? `make bench` (less than ten minutes), `make bench QUICK=1` (less than two), FULL=1.

Real processes on a private RabbitMQ node, everything on: severities, registry, confirms, quorum queues, ledger, fsync.
Prints tables, and writes benchmarks.json and benchmarks.svg into the folder given, or into a temporary one. FULL=1 goes
up to a backlog of 10 GB, once; ONLY=latency repeats one part (backlog, peers, latency, footprint, growth). Figures are
medians of several runs, with their spread. docs/performance.md says what the figures mean.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import backlog, footprint, growth, latency, peers, report
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker

QUICK = os.environ.get("QUICK") == "1"
FULL = os.environ.get("FULL") == "1"
ONLY = os.environ.get("ONLY", "")
RUNS = 3 if QUICK else 4
ROUNDS = 1 if QUICK else 3
BACKLOG_BYTES = 1_170_000_000
VARIANT_BYTES = 234_000_000
OTHER_BYTES = {"three sinks": BACKLOG_BYTES, "java, multiline": 117_000_000}
QUICK_VARIANTS = ("three sinks",)
PEER_BYTES = 3_510_000
RATES = (1_000,) if QUICK else (1, 100, 1_000, 10_000)
BESIDE_BYTES = 2_000_000_000
FILES = (1,) if QUICK else (1, 100, 10_000)
FOR_S = 4.0
BESIDE_S = 3.0
SIZES = (100_000_000, 1_000_000_000, 10_000_000_000) if FULL else (100_000_000, 300_000_000, 1_000_000_000)


def measure_backlog(stage: Stage, results: report.Results) -> None:
    """Ship backlogs: everything on, in turn with no severity, then with one thing changed."""
    source = backlog.make(stage.root, "plain", BACKLOG_BYTES)
    for _ in range(RUNS):
        for variant in (backlog.EVERYTHING, backlog.NO_SEVERITY):
            results.add("backlog", variant.name, backlog.beside_reference(stage, variant, source))
    source.path.unlink()
    for variant in backlog.VARIANTS:
        if QUICK and variant.name not in QUICK_VARIANTS:
            continue
        other = backlog.make(stage.root, variant.corpus, OTHER_BYTES.get(variant.name, VARIANT_BYTES))
        for _ in range(ROUNDS):
            results.add("backlog", variant.name, backlog.beside_reference(stage, variant, other))
        other.path.unlink()


def measure_peers(stage: Stage, results: report.Results) -> None:
    """Bring the same lines to the same broker in other ways."""
    source = backlog.make(stage.root, "plain", PEER_BYTES)
    for _ in range(ROUNDS):
        results.add("one message a line", "per line", {"million lines/s": peers.per_line(stage, source)})
        if speed := peers.syslog_ng(stage, source):
            results.add("one message a line", "syslog-ng", {"million lines/s": speed})


def measure_latency(stage: Stage, results: report.Results) -> None:
    """Append at each rate, then beside a backlog."""
    loads = {f"{rate} lines/s": latency.Load(rate, FOR_S) for rate in RATES}
    if not QUICK:
        source = backlog.make(stage.root, "plain", BESIDE_BYTES)
        loads |= {f"{rate} lines/s beside a backlog": latency.Load(rate, BESIDE_S, source) for rate in RATES}
    for _ in range(ROUNDS):
        for subject, load in loads.items():
            results.add("latency", subject, latency.measure(stage, load))


def measure_footprint(stage: Stage, results: report.Results) -> None:
    """Follow so many files."""
    for _ in range(ROUNDS):
        for count in FILES:
            results.add("footprint", f"{count} files", footprint.measure(stage, footprint.Files(count, FOR_S)))


def measure_growth(stage: Stage, results: report.Results) -> None:
    """Ship more, of more files, into more sinks."""
    for _ in range(1 if FULL else 2):
        for series in (growth.sizes(stage, SIZES), growth.files(stage), growth.sinks(stage)):
            for subject, figures in series:
                results.add("growth", subject, figures)


def goals_of(results: report.Results) -> list[report.Goal]:
    """Return what was to be reached, and what was."""
    ours = results.median("backlog", "everything on", "million lines/s")
    peer = results.median("one message a line", "syslog-ng", "million lines/s")
    without = results.median("backlog", "no severity", "million lines/s")
    costs = 100 * (1 - ours / without) if ours and without else None
    sizes = [results.median("growth", f"{size / 1e9:g} GB", "shipper, peak MB") for size in SIZES]

    def measured(group: str, subject: str, figure: str) -> float | None:
        return results.median(group, subject, figure)

    Goal = report.Goal  # noqa: N806 - a class
    return [
        Goal("backlog, times the wall time of the pipe", measured("backlog", "everything on", "times the pipe"), 1.5),
        Goal("with three sinks, the same", measured("backlog", "three sinks", "times the pipe"), 2.5),
        Goal("times syslog-ng's lines/s", ours / peer if ours and peer else None, 100, at_least=True),
        Goal("severity costs, % of the lines/s without", costs, 25),
        Goal("latency at 1,000 lines/s, p50, ms", measured("latency", "1000 lines/s", "p50, ms"), 2),
        Goal("latency at 1,000 lines/s, p99, ms", measured("latency", "1000 lines/s", "p99, ms"), 5),
        Goal("latency at 10,000 lines/s, p99, ms", measured("latency", "10000 lines/s", "p99, ms"), 10),
        Goal("beside a backlog, p99, ms", measured("latency", "100 lines/s beside a backlog", "p99, ms"), 100),
        Goal("shipper idle, % of a core", measured("footprint", "1 files", "idle, % of a core"), 0.2),
        Goal("shipper idle, MB", measured("footprint", "1 files", "idle, MB"), 45),
        Goal("shipper at 1,000 lines/s, % of a core", measured("footprint", "1 files", "busy, % of a core"), 5),
        Goal("shipper, peak MB", measured("backlog", "everything on", "shipper, peak MB"), 120),
        Goal("shipper, peak MB at the largest backlog", sizes[-1], 120),
    ]


def main() -> int:
    """Run the benchmarks."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="logbus-bench-")).resolve()
    root.mkdir(exist_ok=True)
    results = report.Results()
    work = root / "work"
    work.mkdir()
    try:
        with DevBroker(work / "broker") as broker:
            stage = Stage(work, broker)
            parts = [measure_backlog, measure_peers, measure_latency, measure_footprint]
            for part in parts if QUICK else [*parts, measure_growth]:
                if not part.__name__.endswith(ONLY):
                    continue
                part(stage, results)
                print(f"{part.__name__}: done", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(work)
    goals = goals_of(results)
    report.tables(results, goals, Console(width=200))
    report.save(results, goals, root)
    print(f"figures in {root / 'benchmarks.json'}, a picture in {root / 'benchmarks.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
