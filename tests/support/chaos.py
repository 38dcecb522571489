"""Faults at random, round after round; after each, every output must be exactly what was written.

    make chaos                                     about a minute, with a seed that is printed
    make chaos ARGS='--minutes 30 --seed 7'        longer; with --record, the report goes into docs/guarantees.md
    make chaos ARGS='--beside REVISION'            each start of a process is of this version, or of that one of git's

A round: the writers write, two to five faults begin and end in random order, everything is healed, all that was written
must arrive, and is compared byte for byte. The first inexact round ends the run; its folder is kept.
"""

import itertools
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from support.faults import AT_REST, Faults, Heal
from support.findings import Findings
from support.report import Report
from support.world import ROLES, ROOT, World


def play(world: World, seed: int, seconds: float, say: Callable[[str], object]) -> Report:
    """Run rounds for about that long; return what happened. Raises AssertionError if a process ended by itself."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    report = Report(seed)
    begun = time.monotonic()
    try:
        world.begin()
        report.broker = world.broker.ctl("version").strip()
        faults = Faults(world, chance)
        order = _kinds(list(faults.kinds), chance)
        while report.findings.exact and (report.rounds == 0 or time.monotonic() - begun < seconds):
            kinds = [next(order) for _ in range(chance.randint(2, 5))]
            say(f"round {report.rounds + 1}: {', '.join(kinds)}")
            _round(world, faults, kinds, chance)
            report.findings = _added(report.findings, world.check())
            report.rounds += 1
            report.faults.update(kinds)
            report.lines = sum(writer.lines for writer in world.writers)
            report.seconds = time.monotonic() - begun
    finally:
        world.close()
    return report


def checked_out(revision: str, tree: Path) -> Path:
    """Return the source tree of a revision, put where `tree` says."""
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
    return tree


def _kinds(kinds: list[str], chance: random.Random) -> "itertools.chain[str]":
    """Yield kinds for ever, each once before any comes again."""
    return itertools.chain.from_iterable(chance.sample(kinds, len(kinds)) for _ in itertools.count())


def _round(world: World, faults: Faults, kinds: list[str], chance: random.Random) -> None:
    heals: list[Heal] = []
    for kind in sorted(kinds, key=lambda kind: kind != AT_REST):
        world.writing = kind != AT_REST
        time.sleep(chance.uniform(0.0, 0.8))
        heals.append(faults.begin(kind))
        time.sleep(chance.expovariate(2.0))
        while heals and chance.random() < 0.6:
            heals.pop(chance.randrange(len(heals)))()
    world.writing = True
    chance.shuffle(heals)
    for heal in heals:
        heal()
    for role in ROLES:
        world.ended_well(role)
        world.start(role)
    time.sleep(chance.uniform(0.0, 1.0))


def _added(one: Findings, other: Findings) -> Findings:
    return Findings(
        one.lost + other.lost,
        one.duplicated + other.duplicated,
        one.out_of_order + other.out_of_order,
        one.filter_out_of_order + other.filter_out_of_order,
        one.mixed_lives + other.mixed_lives,
        other.detail,
    )


@click.command()
@click.option("--seed", type=int, help="Repeat a run's choices (not its timing).")
@click.option("--minutes", type=float, default=1.0, help="How long. [default: 1]")
@click.option("--record", is_flag=True, help="Put the report of an exact run into docs/guarantees.md.")
@click.option("--beside", metavar="REVISION", help="Start processes of this version of git's, too, in turn at random.")
@click.option("--by-date", is_flag=True, help="Write an archive with a folder for each day on which lines happened.")
def main(seed: int | None, minutes: float, record: bool, beside: str | None, by_date: bool) -> None:
    """Run the fault suite."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nothing running
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    root = Path(tempfile.mkdtemp(prefix="logbus-chaos-"))
    click.echo(f"seed {seed}, in {root}")
    world = World(root, seed, by_date=by_date)
    world.trees += [checked_out(beside, root / "other")] if beside else []
    report = play(world, seed, minutes * 60, click.echo)
    click.echo(report)
    if report.findings.exact:
        shutil.rmtree(root, ignore_errors=True)
        if record:
            report.record(ROOT / "docs" / "guarantees.md")
    raise SystemExit(not report.findings.exact)


if __name__ == "__main__":
    main()
