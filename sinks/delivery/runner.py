"""Deliveries -> a sink, each byte once: decode, trim, write, commit, acknowledge. Independent of any particular sink.

A batch is written as soon as it is taken, and committed with its neighbours: after `commit_bytes`, after
`commit_batches`, or after `commit_s`, whichever comes first. The order of a commit is fixed:

    sink.commit()  ->  ledger.commit()  ->  consumer.ack()

Wherever it breaks off, nothing is lost or written twice: what the sink has beyond the ledger is cut off, and what was
not acknowledged is redelivered, then trimmed by the ledger. Deliveries of an earlier epoch are redelivered as well;
those already written are trimmed like any other.

A batch that arrives before its predecessor in the source waits for it, see `sinks.delivery.order`; not in a sink that
receives only part of a stream, where most batches have no predecessor.

An output that cannot be written stops all work except waiting: the outputs are cut back to the last commit, the
deliveries since then return to the front of the backlog, and are written again after a back-off.
"""

import logging
from collections import deque
from operator import attrgetter

from msgspec.structs import replace

from logbus import telemetry
from logbus.batch import Batch, Head, Message, decode, head_of
from logbus.broker.consuming.consumer import Delivery
from logbus.errors import LogbusError, OutputError, WireError, describe
from logbus.native import descriptors
from sinks.delivery.activity import Activity
from sinks.delivery.deliveries import Deliveries
from sinks.delivery.group_commit import ARRIVED_BYTES, COMMIT_BATCHES, COMMIT_BYTES, COMMIT_S, Group, Outage
from sinks.delivery.order import FIRST_S, GAP_S, Early, Waiting
from sinks.delivery.quarantine import letter_of
from sinks.delivery.writing import Writer, is_enough, source_of
from sinks.ledger.ledger import Ledger, LedgerUnsaved
from sinks.ledger.ranges import Range
from sinks.ledger.streams import Source
from sinks.sink import BatchRefused, DurableSink, InformedSink, OutputClosed, PatientSink, Sink, SkimmingSink

logger = logging.getLogger("sinks.delivery.runner")

HOLD_BATCHES = 32
PAUSED_FROM = 4
"""From this failed attempt on (after most of a second), deliveries are given back between attempts."""
IDLE_S = 60.0
BUSY_S = 0.02
"""How soon to ask a sink with a slow reader again."""


class Runner:
    """The service that runs one sink; see `logbus.daemon.Service`.

    `hold_batches`: how many batches may wait for their predecessor at a time; None for a sink that gets parts of
    streams, where a missing predecessor is no gap. `arrived_max_bytes`: how much may arrive while the sink cannot
    write; beyond that everything is given back.
    """

    def __init__(  # noqa: PLR0913 - three parts, five limits
        self,
        consumer: Deliveries,
        sink: Sink,
        ledger: Ledger,
        *,
        commit_bytes: int = COMMIT_BYTES,
        commit_s: float = COMMIT_S,
        commit_batches: int = COMMIT_BATCHES,
        hold_batches: int | None = HOLD_BATCHES,
        arrived_max_bytes: int = ARRIVED_BYTES,
    ) -> None:
        self._consumer = consumer
        self._sink = sink
        self._patient = sink if isinstance(sink, PatientSink) else None
        self._durable = sink if isinstance(sink, DurableSink) else None  # asked once: it takes 20 us
        self._informed = sink if isinstance(sink, InformedSink) else None
        self._skimming = sink if isinstance(sink, SkimmingSink) else None
        self._ledger = ledger
        self._backlog: deque[Delivery] = deque()
        self._early = Waiting(hold_batches or 0)
        self._writer = Writer(sink, ledger, whole=hold_batches is not None)
        self._arrived_max_bytes = arrived_max_bytes
        self._group = Group(commit_bytes, commit_s, commit_batches)
        self._epoch = consumer.epoch
        self._torn = True
        self.outage = Outage()
        self._draining = self._deserted = self._busy = False
        self.activity = Activity()

    def step(self, now: float) -> float:
        """Take, write and commit what is due; return seconds until the next step."""
        if self._epoch != self._consumer.epoch:
            self._begin_epoch()
        self.activity.work(now, len(self._backlog) + len(self._early) + len(self._group.deliveries))
        if now < self.outage.until:
            if self._consumer.arrived_bytes > self._arrived_max_bytes:
                self._consumer.pause()
            return self.outage.until - now
        self._consumer.resume()
        try:
            if not self._ready():
                return BUSY_S
            self._work(now)
        except OutputError as error:
            self._undo()
            self._postpone(error, now)
        except (OSError, ImportError) as error:  # no descriptor is left for a zone's file, or a module
            self._undo()
            self._postpone(OutputError("write", error, descriptors.hint(error, "")), now)
        except LedgerUnsaved as error:
            self._postpone(error, now)
        except OutputClosed:
            self._deserted = True
        return self._wait(now)

    def drain(self) -> None:
        """Stop taking and writing; commit what is written."""
        self._draining = True
        self._backlog.clear()
        self._early.clear()

    def finished(self) -> bool:
        """Return True if drained and committed, if the output's reader is gone, or if it is slow while draining."""
        return self._deserted or (self._draining and (not self._group.deliveries or self._busy))

    def reload(self) -> None:
        """Do nothing: a file sink notices a moved output by itself."""

    def close(self) -> None:
        """Close the sink and the ledger; what is not committed is cut off at the next start and redelivered."""
        self._sink.close()
        self._ledger.close()

    def _ready(self) -> bool:
        """Return True if the sink accepts a batch now: waiting for a slow reader must not stop the loop."""
        self._busy = self._patient is not None and not self._patient.ready()
        return not self._busy

    def _work(self, now: float) -> None:
        if self._torn:
            self._restore()
        if self._due(now):
            self._commit()
        if not self._draining:
            self._backlog.extend(self._consumer.take())
        while self._backlog and not self._full() and self._ready():
            source = self._handle(self._backlog[0], now)
            self._backlog.popleft()
            if source:
                self._follow(source, now)
        while late := self._early.overdue(now):
            self._give_up(late, now)
        if self._due(now) and self._ready():
            self._commit()

    def _handle(self, delivery: Delivery, now: float) -> Source | None:
        """Write a delivery, and return its source; or return None: refused, or waiting for its predecessor."""
        try:
            batch = self._decoded(delivery.message)
            source = source_of(batch)
            missing, early = self._writer.missing(source, batch)
            if isinstance(batch, Head) and (early or not is_enough(batch, missing)):
                batch = decode(delivery.message)
        except WireError as error:
            self._refuse(delivery, error)
            return None
        if early:
            deadline = now + (GAP_S if self._ledger.knows(source) else FIRST_S)
            self._early.add(Early(batch.offset, delivery, source, deadline))
            return None
        self._write(delivery, batch, missing, now)
        return source

    def _decoded(self, message: Message) -> Batch:
        """Return the batch, or only its head for a sink that skims it. Raises WireError."""
        head = head_of(message) if self._skimming else None
        return head if head and self._skimming and self._skimming.skims(head) else decode(message)

    def _follow(self, source: Source, now: float) -> None:
        """Write the batches that waited for the one just written."""
        while early := self._early.first(source):
            batch = decode(early.delivery.message)
            missing, still_early = self._writer.missing(source, batch)
            if still_early:
                return
            self._write(early.delivery, batch, missing, now)
            self._early.remove(early)
            telemetry.count("logbus_reordered_batches")

    def _give_up(self, source: Source, now: float) -> None:
        """Write a batch without its predecessor."""
        if not (early := self._early.first(source)):
            return
        batch = decode(early.delivery.message)
        if self._ledger.knows(source):
            self._writer.note_gap(source, batch, now)
        self._write(early.delivery, batch, self._writer.missing(source, batch)[0], now)
        self._early.remove(early)
        self._follow(source, now)

    def _write(self, delivery: Delivery, batch: Batch, missing: list[Range], now: float) -> None:
        try:
            if isinstance(batch, Head) and missing and self._skimming:
                written_bytes = self._writer.pass_over(self._skimming, batch)
            else:
                written_bytes = self._writer.write(batch, missing)
        except (WireError, BatchRefused) as error:
            self._refuse(delivery, error)
            self._writer.refused(batch)
            return
        self._group.add(delivery, written_bytes, now, is_only_counted=isinstance(batch, Head))
        self.activity.wrote(batch, written_bytes)
        telemetry.count("logbus_delivered_batches")
        telemetry.count("logbus_delivered_records", len(batch.levels))
        telemetry.count("logbus_delivered_bytes", len(batch.body))

    def _refuse(self, delivery: Delivery, error: LogbusError) -> None:
        self._consumer.quarantine(replace(delivery, message=letter_of(delivery.message)), describe(error.cause))

    def _full(self) -> bool:
        return self._group.is_full(len(self._early))

    def _due(self, now: float) -> bool:
        return bool(self._group.deliveries) and (self._draining or now >= self._group.due_at() or self._full())

    def _commit(self) -> None:
        self._sink.commit()
        self._ledger.commit(self._durable.marks() if self._durable else {})
        if self._informed:
            self._informed.committed()
        self._consumer.ack(self._group.deliveries)
        self.activity.committed(self._group.bytes)
        self._group.clear()
        if failures := self.outage.end():
            logger.warning("writing works again after %d failed attempts", failures)

    def _begin_epoch(self) -> None:
        """Forget the deliveries of earlier epochs: they are redelivered. Those written are committed as usual."""
        self._epoch = self._consumer.epoch
        self._backlog = deque(each for each in self._backlog if each.epoch == self._epoch)
        self._early.clear()

    def _undo(self) -> None:
        """Roll back to the last commit."""
        self._torn = True
        self._ledger.rollback()
        again = sorted([*self._group.deliveries, *self._early.clear()], key=attrgetter("tag"))
        self._backlog.extendleft(reversed(again))
        self._group.clear()
        self._begin_epoch()
        try:
            self._restore()
        except OutputError as error:
            logger.debug("%s; retrying later", error)

    def _restore(self) -> None:
        if self._durable:
            self._durable.restore(self._ledger.marks())
        self._torn = False

    def _postpone(self, error: LogbusError, now: float) -> None:
        if self.outage.fail(now, str(error)):
            logger.error("%s; nothing is lost: retrying until it works", error)
        if self.outage.failures >= PAUSED_FROM:  # holding them longer would risk a timeout, and take memory
            self._consumer.pause()

    def _wait(self, now: float) -> float:
        if now < self.outage.until:
            return self.outage.until - now
        if self._busy:
            return BUSY_S
        if self._backlog:
            return 0.0
        return max(0.0, min(IDLE_S, self._early.due_at() - now, self._group.due_at() - now))
