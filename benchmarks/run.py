"""How fast is it here? `make bench` (about twenty minutes), `make bench QUICK=1` (less than three), FULL=1.

Real processes on a private RabbitMQ node, everything on: severities, registry, confirms, quorum queues, ledger, fsync.
Prints tables, and writes benchmarks.json and benchmarks.svg into the folder given, or into a temporary one. FULL=1 goes
up to a backlog of 10 GB, once; ONLY=latency repeats one part (shapes, backlog, peers,
latency, footprint, growth; or search, which is not among the others).
LOGHUB=DIR adds the `*.log` files of a folder, enlarged, as more shapes. Figures are medians of several runs, with their
spread. docs/performance.md says what the figures mean.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks import backlog, footprint, growth, latency, peers, report, search, shapes
from benchmarks.processes import Stage
from logbus.devbroker import DevBroker

QUICK = os.environ.get("QUICK") == "1"
FULL = os.environ.get("FULL") == "1"
ONLY = os.environ.get("ONLY", "")
LOGHUB = os.environ.get("LOGHUB", "")
ROUNDS = 1 if QUICK else 3
SHAPE_ROUNDS = 1 if QUICK else 2
BACKLOG_BYTES = 400_000_000
QUICK_SHAPES = ("log4j", "ISO 8601", "JSON, level last", "CRI, JSON", "access log", "mix")
QUICK_VARIANTS = ("three sinks", "multiline: java")
PEER_BYTES = 3_510_000
RATES = (1_000,) if QUICK else (1, 100, 1_000, 10_000)
BESIDE_BYTES = 1_200_000_000
FILES = (1,) if QUICK else (1, 100, 10_000)
FOR_S = 4.0
BESIDE_S = 3.0
SIZES = (100_000_000, 1_000_000_000, 10_000_000_000) if FULL else (100_000_000, 300_000_000, 1_000_000_000)


def measure_shapes(stage: Stage, results: report.Results) -> None:
    """Ship a backlog of each shape of line."""
    sources = backlog.make_all(stage.root, QUICK_SHAPES if QUICK else shapes.SHAPES, BACKLOG_BYTES)
    if LOGHUB:
        sources |= backlog.enlarge_all(stage.root, Path(LOGHUB), BACKLOG_BYTES)
    for _ in range(SHAPE_ROUNDS):
        for name, source in sources.items():
            results.add("shapes", name, backlog.beside_reference(stage, backlog.EVERYTHING, source))
    for source in sources.values():
        source.path.unlink()


def measure_backlog(stage: Stage, results: report.Results) -> None:
    """Ship backlogs: everything on, then with one thing changed."""
    variants = [backlog.EVERYTHING, backlog.NO_SEVERITY, *backlog.VARIANTS]
    if QUICK:
        variants = [each for each in backlog.VARIANTS if each.name in QUICK_VARIANTS]
    sources = backlog.make_all(stage.root, {each.shape for each in variants}, BACKLOG_BYTES)
    for _ in range(ROUNDS):
        for variant in variants:
            results.add("backlog", variant.name, backlog.beside_reference(stage, variant, sources[variant.shape]))
    for source in sources.values():
        source.path.unlink()


def measure_peers(stage: Stage, results: report.Results) -> None:
    """Bring the same lines to the same broker in other ways."""
    source = backlog.make(stage.root, "log4j", PEER_BYTES)
    for _ in range(ROUNDS):
        results.add("one message a line", "per line", {"million lines/s": peers.per_line(stage, source)})
        if speed := peers.syslog_ng(stage, source):
            results.add("one message a line", "syslog-ng", {"million lines/s": speed})


def measure_latency(stage: Stage, results: report.Results) -> None:
    """Append at each rate, then beside a backlog."""
    loads = {f"{rate} lines/s": latency.Load(rate, FOR_S) for rate in RATES}
    if not QUICK:
        source = backlog.make(stage.root, "log4j", BESIDE_BYTES)
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
    of_shapes = results.medians("shapes", "times the pipe")
    ours = results.median("shapes", "log4j", "million lines/s")
    peer = results.median("one message a line", "syslog-ng", "million lines/s")
    sizes = [results.median("growth", f"{size / 1e9:g} GB", "shipper, peak MB") for size in SIZES]

    def measured(group: str, subject: str, figure: str) -> float | None:
        return results.median(group, subject, figure)

    def variant(subject: str) -> float | None:
        return results.median("backlog", subject, "times the pipe")

    Goal = report.Goal  # noqa: N806 - a class
    return [
        Goal("shapes of line, times the pipe, median", median(of_shapes) if of_shapes else None, 1.5),
        Goal("the same, worst", max(of_shapes, default=None), 2.0),
        Goal("multiline: java on stack traces, times the pipe", variant("multiline: java"), 3),
        Goal("redact: email, times the pipe", variant("redact: email"), 2),
        Goal("three sinks, times the pipe", variant("three sinks"), 2.5),
        Goal("times syslog-ng's lines/s", ours / peer if ours and peer else None, 100, at_least=True),
        Goal("latency at 1,000 lines/s, p50, ms", measured("latency", "1000 lines/s", "p50, ms"), 2),
        Goal("latency at 1,000 lines/s, p99, ms", measured("latency", "1000 lines/s", "p99, ms"), 5),
        Goal("latency at 10,000 lines/s, p99, ms", measured("latency", "10000 lines/s", "p99, ms"), 10),
        Goal("beside a backlog, p99, ms", measured("latency", "100 lines/s beside a backlog", "p99, ms"), 60),
        Goal(
            "start of the shipper to its first line, s",
            measured("footprint", "1 files", "start to first line, s"),
            0.35,
        ),
        Goal("shipper idle, % of a core", measured("footprint", "1 files", "idle, % of a core"), 0.2),
        Goal("shipper idle, MB", measured("footprint", "1 files", "idle, MB"), 45),
        Goal("shipper at 1,000 lines/s, % of a core", measured("footprint", "1 files", "busy, % of a core"), 5),
        Goal("shipper, peak MB with any shape", max(results.medians("shapes", "shipper, peak MB"), default=None), 120),
        Goal("shipper, peak MB at the largest backlog", sizes[-1], 120),
    ]


def main() -> int:
    """Run the benchmarks."""
    if ONLY == "search":
        return search.main()
    root = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="logbus-bench-")).resolve()
    root.mkdir(exist_ok=True)
    results = report.Results()
    work = root / "work"
    work.mkdir()
    try:
        with DevBroker(work / "broker") as broker:
            stage = Stage(work, broker)
            parts = [measure_shapes, measure_backlog, measure_peers, measure_latency, measure_footprint]
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
