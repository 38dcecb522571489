"""The alert's sink: batches and time go to the rules, what they tell is remembered, then sent.

A commit saves the state before the deliveries are acknowledged, and only then are new messages sent: after a crash a
message may be sent twice, and never not at all. A thread lets time pass where nothing arrives.

Times are those of arrival. What hosts say about time may be wrong, or a lie, and silence has no other time.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from logbus import telemetry
from logbus.batch import Batch
from logbus.errors import OutputError, UsageError, describe
from sinks.alert import memory
from sinks.alert.incidents import Incidents
from sinks.alert.limit import Limit
from sinks.alert.matching import Matcher, matches
from sinks.alert.notices import Letter, Notice
from sinks.alert.sending.attempts import Attempts, Send
from sinks.alert.sending.sender import Sender
from sinks.alert.settings import Settings, check, destinations_of
from sinks.sink import Context

logger = logging.getLogger("sinks.alert.sink")

TICK_S: Final = 1.0
CLOSE_S: Final = 5.0
"""So long, the end waits for messages on their way: less than the 20 s that a sink has to end."""


class Alert:
    """Judges batches by rules, and sends messages by `sends`, one for each destination. `folder` is its state's."""

    def __init__(
        self, settings: Settings, folder: Path, sends: dict[str, Send], clock: Callable[[], float] | None = None
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock or _steady()
        self._matchers = [Matcher(rule) for rule in settings.rules]
        self._lock = threading.RLock()
        self._saved = msgspec.json.encode(memory.load(folder))
        self._started_s = self._clock()
        self._done: set[int] = set()
        self._is_failing = False
        self._recall()
        self._senders = {to: Sender(to, send, self._is_done, self._clock) for to, send in sends.items()}
        self._hand_over(self._letters.values())
        self._closing = threading.Event()
        self._ticker = threading.Thread(target=self._keep_ticking, name="alert clock", daemon=True)

    def start(self) -> None:
        """Let time pass by itself from now on."""
        self._ticker.start()

    def write(self, batch: Batch) -> None:
        """Show a batch to the rules."""
        now_s = self._clock()
        with self._lock:
            self._is_torn = True
            for match in matches(self._matchers, batch):
                self._changed = True
                self._note(self._incidents.seen(match, now_s))

    def commit(self) -> None:
        """Save the state, and send what it says. Raises OutputError: the state is then that of the last commit."""
        with self._lock:
            self._is_torn = False
            try:
                self._save()
            except OSError as error:
                self._recall()
                raise OutputError(f"save {self._folder / memory.FILE_NAME}", error, "free some space") from error

    def tick(self) -> None:
        """Do what is due because time has passed; not between a write and its commit."""
        with self._lock:
            if self._is_torn:
                return
            self._note(self._incidents.tick(self._clock()))
            telemetry.gauge("logbus_alert_open_incidents", self._incidents.open())
            try:
                self._save()
            except OSError as error:
                if not self._is_failing:
                    logger.error("cannot save what the alert sink remembers: %s; retrying", describe(error))  # noqa: TRY400 - no defect
                self._is_failing = True

    def close(self) -> None:
        """Stop; what is not sent is sent after the next start."""
        self._closing.set()
        for sender in self._senders.values():
            sender.stop()
        deadline = time.monotonic() + CLOSE_S
        for sender in self._senders.values():
            sender.join(deadline - time.monotonic())
        if self._ticker.is_alive():
            self._ticker.join(TICK_S)
        self.tick()

    def _keep_ticking(self) -> None:
        while not self._closing.wait(TICK_S):
            self.tick()

    def _recall(self) -> None:
        """Go back to what was saved last: what came since is delivered again."""
        saved, settings = memory.decoded(self._saved), self._settings
        self._limit = Limit(settings.most_per_hour, saved.held, self._clock())
        self._incidents = Incidents(settings.rules, self._limit, saved.groups, self._started_s, settings.repeat_s)
        self._letters = {each.id: each for each in saved.letters if each.to in settings.to}
        self._next_id = saved.next_id
        self._fresh: list[Letter] = []
        self._changed = self._is_torn = False

    def _note(self, notices: Iterable[Notice]) -> None:
        """Make a letter of each notice to each of its destinations; they are sent once they are saved."""
        for notice in notices:
            for to in destinations_of(self._settings, notice.rule):
                letter = Letter(self._next_id, to, self._clock(), notice)
                self._next_id += 1
                self._letters[letter.id] = letter
                self._fresh.append(letter)

    def _save(self) -> None:
        """Save the state if it changed, then hand over the new letters. Raises OSError."""
        done = set(self._done)
        for number in done:
            self._letters.pop(number, None)
        if self._changed or self._fresh or done:
            content = msgspec.json.encode(self._remembered())
            memory.save(self._folder, content)
            self._saved = content
            self._changed = self._is_failing = False
            self._done -= done
        fresh, self._fresh = self._fresh, []
        self._hand_over(fresh)

    def _remembered(self) -> memory.Memory:
        return memory.Memory(
            groups=self._incidents.groups(),
            held=self._limit.state(),
            letters=list(self._letters.values()),
            next_id=self._next_id,
        )

    def _hand_over(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            if not self._senders[letter.to].put(letter):
                logger.error("too many messages wait for %s: one is sent after the next start", letter.to)

    def _is_done(self, letter: Letter) -> None:
        """Forget a letter with the next save; called by the threads of the senders."""
        with self._lock:
            self._done.add(letter.id)


def open_sink(settings: Settings, context: Context) -> Alert:
    """Return an alert sink. Raises UsageError, also for a secret that cannot be read, and StateError."""
    if context.state is None:
        raise UsageError("open the alert sink", "it has no state directory", "run it from a sinks.yml")
    check(settings)
    sends: dict[str, Send] = {name: Attempts(each).send for name, each in settings.to.items()}
    found = Alert(settings, context.state, sends)
    found.start()
    return found


def _steady() -> Callable[[], float]:
    """Return a clock of seconds since 1970 that does not jump when somebody sets the time."""
    offset_s = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset_s
