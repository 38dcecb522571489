"""Slices become batches: one of each file in turn, while the publisher has room."""

import time
from typing import Protocol

from msgspec.structs import replace

from logbus.batch import Batch, Span
from logbus.errors import SourceError
from logbus.severity import Severity
from logbus.severity.tally import counts_of
from logbus.telemetry import count
from shipper.files.identity import digest
from shipper.lives.following import Following
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.recognition import row_of
from shipper.lives.states import State
from shipper.lives.stdin import Stdin
from shipper.lives.tail import BATCH_BYTES, LifeEnded, Slice
from shipper.state.registry import Registry
from shipper.steps.filling import Filling

_WORDS = [severity.word for severity in Severity]
SLICES_A_STEP = 16
PAUSE_S = 0.004
"""A confirm takes 1 to 3 ms on the same machine; with a distant broker a line waits no longer than this."""
SMALL_BYTES = 64 * 1024
STEP_BYTES = BATCH_BYTES // 2
"""The most bytes per step: new lines of other files wait for one large batch of a backlog, not for several."""


class Publisher(Protocol):
    """The part of `logbus.broker.publishing.publisher.Publisher` that the agent uses."""

    @property
    def in_flight(self) -> int:
        """How many batches are published and not yet confirmed."""

    def has_room(self) -> bool:
        """Return True if one more batch may be published now."""

    def publish(self, batch: Batch) -> None:
        """Publish a batch."""

    def take_confirmed(self) -> list[Span]:
        """Return the spans confirmed since the last call."""


class Reader:
    """Reads and publishes. `unconfirmed` are the lives with batches in flight.

    `once`: an unfinished last line is a record, and bytes added after the start need not be read.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and options
        self,
        lives: Lives,
        following: Following,
        publisher: Publisher,
        registry: Registry,
        stdin: Stdin | None,
        *,
        host: str,
        once: bool,
    ) -> None:
        self.records = self.bytes = 0
        self.unconfirmed: dict[Life, float] = {}
        self.more_stdin = False
        self._lives = lives
        self._following = following
        self._publisher = publisher
        self._registry = registry
        self._stdin = stdin
        self._host = host
        self._once = once
        self._pausing: dict[Life, float] = {}
        self._sealed: set[Life] = set()
        self._filling = Filling()

    def settle(self) -> None:
        """Apply the confirms that have arrived."""
        for span in self._publisher.take_confirmed():
            if life := self._lives.index.of_stream(span.stream):
                self._confirm(life, span)
            elif self._stdin and span.stream == self._stdin.stream:
                self._stdin.progress.confirm(span.offset, span.end)

    def _confirm(self, life: Life, span: Span) -> None:
        if life.progress.confirm(span.offset, span.end):
            self._lives.changed(life)
        if life.progress.committed >= life.tail.offset:
            self.unconfirmed.pop(life, None)
            if self._pausing.pop(life, None):
                self._lives.enqueue(life)
            if life in self._sealed:
                self._sealed.discard(life)
                self._lives.enqueue(life)

    def read(self, now: float) -> None:
        """Publish slices, one of each file in turn, while there is room: SLICES_A_STEP, or STEP_BYTES."""
        self._end_pauses(now)
        enough = self.bytes + STEP_BYTES
        for _ in range(SLICES_A_STEP):
            if not (self._lives.any_ready or self._stdin) or self.bytes >= enough or not self._publisher.has_room():
                return
            if self._stdin and not self._read_stdin(self._stdin, now) and not self._lives.any_ready:
                return
            if self._lives.any_ready and self._publisher.has_room():
                life = self._lives.next_ready()
                if life.ended:
                    self._filling.drop(life)
                elif not (self._lives.waits(life) or life.state is State.UNPACKING):
                    self._read_one(life, now)

    def pause_s(self, now: float) -> float:
        """Return the seconds until the first pause between two batches of a file ends."""
        return min(self._pausing.values(), default=float("inf")) - now

    def _end_pauses(self, now: float) -> None:
        for life in [life for life, until in self._pausing.items() if until <= now]:
            del self._pausing[life]
            self._lives.enqueue(life)

    def _pauses(self, life: Life, now: float) -> bool:
        """Pause a small batch until the previous one is confirmed, PAUSE_S at most; return True if it pauses.

        So the higher the load, the fewer and larger the batches, as with Nagle's algorithm (RFC 896). Without this,
        10,000 lines a second make more batches than two cores can handle, and lines queue everywhere.
        """
        published_s = self.unconfirmed.get(life)
        if published_s is None or life.tail.more or life.unread >= SMALL_BYTES:
            return False
        until = published_s + PAUSE_S
        if until <= now:
            return False
        self._pausing[life] = until
        return True

    def _read_stdin(self, stdin: Stdin, now: float) -> bool:
        piece = stdin.read(now)
        self.more_stdin = piece is not None
        if piece:
            self._publish(stdin, stdin.input.label or "stdin", "-", piece, now)
        return self.more_stdin

    def _read_one(self, life: Life, now: float) -> None:
        try:
            self._read_next(life, now)
        except (OSError, SourceError) as error:
            self._following.trouble(life, error)
            self._lives.targets.drop(life)

    def _read_next(self, life: Life, now: float) -> None:
        try:
            if not self._following.ensure_open(life, now):
                self._lives.targets.drop(life)
            elif life in self._sealed:
                return
            elif life.stream:
                if not self._pauses(life, now):
                    self._ship_filled(life, life.tail.read(), now)
            elif self._lives.lacks_id(life) or life.tail.content.searching:
                self._lives.enqueue(life)  # it waits for its id, or for room on the registry's disk
            else:
                self._at_end(life)
        except LifeEnded:
            self._filling.drop(life)
            self._following.begin_again(life)

    def _ship_filled(self, life: Life, piece: Slice | None, now: float) -> None:
        """Ship a slice, once no writer in place is expected to fill NULs in it."""
        filled = self._filling.filled(life, piece, now)
        if piece and filled is None:
            self._pausing[life] = self._filling.until(life)
            life.tail.read_again(piece)
            return
        if piece and filled and len(filled.body) < len(piece.body):
            life.tail.leave_rest()
        self._ship(life, filled, now)

    def _ship(self, life: Life, piece: Slice | None, now: float) -> None:
        if self._following.complaints.unreadable and life.path in life.names:
            self._following.complaints.readable_now(life.path)
        if piece is None:
            self._lives.enqueue(life) if life.tail.content.searching else self._at_end(life)
            return
        if piece.forced and life.recorder.rewrites and not self._seal(life, piece):
            return
        self._publish(life, life.input.label_of(life.path), life.path, piece, now)
        self.unconfirmed[life] = now
        life.advance(piece)
        self._lives.changed(life)
        if life.tail.more:
            life.tail.finish_line(finished=False)
        if life.tail.more and not self._read_enough(life):
            self._lives.enqueue(life)
        else:
            self._at_end(life)

    def _seal(self, life: Life, piece: Slice) -> bool:
        """Remember the forced end of a record; False if earlier batches have to be confirmed first.

        A sink can trim records whose bytes were changed only at a record's end. So after a crash the end has to be the
        same, even if the file has grown since. One such end per life is remembered.
        """
        self._sealed.add(life)
        if life.progress.committed < life.tail.offset:
            return False
        fingerprint = digest(life.tail.position.after(piece.body).before)
        self._registry.save([replace(row_of(life), published=piece.end, published_fingerprint=fingerprint)])
        return True

    def _read_enough(self, life: Life) -> bool:
        """Return True with `once` if all bytes present at the start were read, even if the file has grown since."""
        return self._once and self._lives.targets.is_reached(life)

    def _at_end(self, life: Life) -> None:
        if self._once and life.tail.fragment and not life.tail.final and not self._read_enough(life):
            life.tail.finish_line()
            self._lives.enqueue(life)
            return
        life.tail.finish_line(finished=False)
        self._lives.at_end(life)
        self._lives.targets.drop(life)

    def _publish(self, life: Life | Stdin, label: str, path: str, piece: Slice, now: float) -> None:
        before, read_at_us = life.before(piece), time.time_ns() // 1000
        found = life.recorder.finish(piece.body, piece.bounds, now, piece.offset, before, piece.marks)
        times = life.recorder.times(found, read_at_us, before)
        life.remember(replace(found.after, torn=piece.partial, time_us=times.last_us if times else before.time_us))
        self.records += len(found.levels)
        self.bytes += len(piece.body)
        _count(life.input.name, found.levels, len(found.body))
        self._publisher.publish(
            Batch(
                body=found.body,
                levels=found.levels,
                host=self._host,
                label=label,
                path=path,
                stream=life.stream,
                offset=piece.offset,
                end=piece.end,
                read_at_us=read_at_us,
                fields=life.input.fields_of(path),
                lengths=found.lengths,
                partial=piece.partial,
                times=times,
            )
        )


def _count(name: str, levels: bytes, size_bytes: int) -> None:
    count("logbus_published_batches", input=name)
    count("logbus_published_bytes", size_bytes, input=name)
    for word, records in zip(_WORDS, counts_of(levels), strict=True):
        if records:
            count("logbus_published_records", records, input=name, severity=word)
