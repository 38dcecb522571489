"""Debian's own logrotate against a shipper that is killed again and again, and a writer that never stops.

LOGBUS_PROFILE=soak (`make soak`) lets each of these run for a minute. LOGBUS_SEED repeats a run's kills.
"""

import grp
import os
import pwd
import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from logbus.devbroker import DevBroker
from logbus.errors import LogbusError
from shipper.commands.remembered import open_life, remembered, stream_of
from shipper.lives.comparing import Verdict
from support import SOAK, keep_new_queues
from support.logrotate import Logrotate, Writer, missing_or_mixed
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

SECONDS = 60.0 if SOAK else 2.0
ROTATIONS, EVERY_S, OUTAGE_S = (30, 1.0, 10.0) if SOAK else (5, 1.0, 2.0)
LONGEST_PAUSE_S = 0.4
KILLS = 0.3
MODES = {
    "create": ("create", "app.log*"),
    "create, one name": ("create", "app.log"),
    "nocreate": ("nocreate", "app.log*"),
    "copytruncate": ("copytruncate", "app.log*"),
    "copytruncate, one name": ("copytruncate", "app.log"),
    "compress": ("create; compress", "app.log"),
    "delaycompress": ("create; compress; delaycompress", "app.log*"),
    "copytruncate, compress": ("copytruncate; compress", "app.log*"),
    "dateext": ("create; dateext; dateformat -%Y%m%d-%s", "app.log*"),
    "olddir": ("create; olddir {folder}/old; createolddir 0755 {user} {group}", "**/app.log*"),
}
USER, GROUP = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
APART_S = {"dateext": 1.1}  # logrotate leaves out a rotation whose name, a second's, is taken


class Trial:
    """A writer, its rotations, a shipper to kill and a file sink."""

    def __init__(self, start: Start, url: str, folder: Path, mode: str) -> None:
        (folder / "logs").mkdir()
        words, glob = MODES[mode]
        self.start, self.url, self.folder = start, url, folder
        self.glob = folder / "logs" / glob
        self.copy = folder / "out/h/app.log"
        self.sink = start(
            "sinks", "file", "-v", "--path", folder / "out/{host}/app.log", "--state", folder / "ledger", url=url
        )
        self.writer = Writer(folder / "logs")
        self.rotating = Logrotate(
            folder / "logs", self.writer, words.format(folder=folder / "logs", user=USER, group=GROUP)
        )
        self.apart_s = APART_S.get(mode, 0.0)
        self.named = glob != "app.log" and "compress" not in words
        self.shipper = self._started()
        self.writer.start()

    def begin(self) -> None:
        """Start the shipper, unless it runs."""
        if self.shipper.process.poll() is not None:
            self.shipper = self._started()

    def _started(self) -> Program:
        arguments = ("--state", self.folder / "state", "--host", "h", self.glob)
        return self.start("shipper", *arguments, url=self.url)

    def rotate(self) -> None:
        """Have logrotate rotate the file once."""
        self.rotating.rotate()
        time.sleep(self.apart_s)

    def perhaps_kill(self, chance: random.Random) -> None:
        """Kill the shipper, or leave it alone."""
        if chance.random() < KILLS:
            self.shipper.kill()

    def knows_the_present_life(self) -> bool:
        """Return True if the shipper has the file's present life in its registry."""
        try:
            rows = [row for row, _ in remembered(self.folder / "state")]
            life = open_life(str(self.writer.path))
        except LogbusError:
            return False
        try:
            found = stream_of(life, rows)
            return found is not None and found[1] is not Verdict.REWRITTEN
        finally:
            life.close()

    def everything_arrives(self, eventually: Until) -> None:
        """Stop writing, and check that each line of each life is in the sink's file, once and in order."""
        size = self.writer.stop()
        with suppress(AssertionError):  # what is missing says more
            eventually(lambda: self.copy.stat().st_size >= size, 60.0)
        assert missing_or_mixed(self.copy.read_bytes(), self.writer.lives) == "", self.shipper.said()


@pytest.fixture
def trial(start: Start, broker_url: str, tmp_path: Path, eventually: Until, mode: str) -> Trial:
    """Give a trial in which everything runs, and something has arrived."""
    trial = Trial(start, broker_url, tmp_path, mode)
    eventually(trial.copy.exists)
    return trial


@pytest.fixture
def chance() -> random.Random:
    """Give what decides when to kill and when to rotate; its seed is printed with a failure."""
    seed = os.environ.get("LOGBUS_SEED") or str(random.SystemRandom().randrange(1_000_000))
    print(f"LOGBUS_SEED={seed}")  # noqa: T201 - shown with a failure
    return random.Random(seed)  # noqa: S311 - repeatable on purpose


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("mode", MODES)
def test_every_line_arrives_through_logrotate(trial: Trial, eventually: Until, chance: random.Random) -> None:
    """A1, A3, A5, A6, A10, A15, G8: logrotate in each mode, `kill -9` of the shipper at random: no line is missing.

    Of a life that begins and is compressed, or renamed out of every glob, before a shipper ever saw it, nobody knows:
    so where rotated files are not themselves named by the input, the shipper has seen a life before it is rotated.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        trial.perhaps_kill(chance)
        for _ in range(chance.choice([1, 1, 1, 3])):
            if not trial.named:
                trial.begin()
                eventually(trial.knows_the_present_life)
                trial.perhaps_kill(chance)
            trial.rotate()
        time.sleep(chance.uniform(0, LONGEST_PAUSE_S))  # the writer's time; nothing is waited for
        trial.perhaps_kill(chance)
        trial.begin()
    trial.everything_arrives(eventually)


@pytest.mark.timeout(ROTATIONS * EVERY_S + 240)
def test_rotations_through_a_broker_outage(
    start: Start, faulty_broker: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """A2, D11, E3: a rotation a second at 10,000 lines/s, with the broker stopped in the middle: nothing is missing."""
    trial = Trial(start, faulty_broker.url, tmp_path, "create, one name")
    eventually(trial.copy.exists)
    keep_new_queues(faulty_broker)
    with ThreadPoolExecutor(1) as aside:
        outage: Future[None] | None = None
        began = time.monotonic()
        for number in range(ROTATIONS):
            if number == ROTATIONS // 3:
                outage = aside.submit(_outage, faulty_broker)
            trial.rotate()
            time.sleep(max(0.0, began + (number + 1) * EVERY_S - time.monotonic()))  # the rotations' own pace
        assert outage
        outage.result()
    trial.everything_arrives(eventually)


def _outage(broker: DevBroker) -> None:
    """Stop the broker for OUTAGE_S."""
    broker.stop()
    time.sleep(OUTAGE_S)
    broker.start()
