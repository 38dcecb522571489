"""How lives end: timeouts of lives whose path leads to another file, and of their pending records.

A nameless life is kept open: a deleted file until it was quiet for DELETED_GRACE_S, a renamed one until it was quiet
for RENAMED_GRACE_S. The renamed one then rests: while its file exists, it is searched for beside its path every
RESTING_CHECK_S. The unfinished last line of a rotated file is shipped when the file was quiet for FRAGMENT_GRACE_S.
"""

import os

from logbus.errors import SourceError
from logbus.telemetry import gauge
from shipper.files.archives import is_archive
from shipper.files.complaints import report_dropped, report_lost
from shipper.files.discovery import Discovery, Siblings
from shipper.files.opening import open_regular, require_view
from shipper.lives.following import Following
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.lives.states import State

DELETED_GRACE_S = 5.0
RENAMED_GRACE_S = 60.0
FRAGMENT_GRACE_S = 5.0
LEAVING_CHECK_S = 0.25
RESTING_CHECK_S = 30.0


class Departures:
    """Checks lives that leave or rest. Nameless ones may have `nameless_bytes` unread bytes (None: no limit)."""

    def __init__(
        self, lives: Lives, following: Following, discovery: Discovery, nameless_bytes: int | None = None
    ) -> None:
        self._nameless_bytes = nameless_bytes
        self._lives = lives
        self._following = following
        self._discovery = discovery
        self._next_check = self._next_resting_check = 0.0

    def work(self, now: float) -> None:
        """Check the lives that leave or rest, and flush records that were pending for long enough."""
        if now >= self._next_check:
            self._next_check = now + LEAVING_CHECK_S
            for life in [*self._lives.leaving]:
                if life.state is State.LEAVING:  # the check of another life may have changed it
                    self._stat_leaving(life, now)
            self._limit_nameless()
            if now >= self._next_resting_check:
                self._next_resting_check = now + RESTING_CHECK_S
                self._search_resting()
        self._flush_pending(now)

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next check or flush is due."""
        wait_s = min((self._due_s(life, now) for life in self._lives.pending), default=float("inf"))
        return min(wait_s, self._next_check - now) if self._lives.leaving else wait_s

    def leave(self) -> None:
        """End the lives of deleted files that were read to their end, as no check follows."""
        for life in [*self._lives.leaving]:
            unfinished = self._lives.waits(life) or life.tail.fragment or life.unread
            if life.tail.fd >= 0 and not unfinished and not os.fstat(life.tail.fd).st_nlink:
                self._lives.end(life, done=True)

    def _flush_pending(self, now: float) -> None:
        """Flush pending records that did not grow for `flush_s`."""
        for life in [life for life in self._lives.pending if self._due_s(life, now) <= 0]:
            self._lives.record_read(life)
            if life.tail.pending:
                life.tail.flush_record()
                self._lives.enqueue(life)

    @staticmethod
    def _due_s(life: Life, now: float) -> float:
        """Return the seconds until the pending record of a life is flushed."""
        return life.changed_s + life.recorder.flush_s - now if life.tail.pending and not life.ended else 0.0

    def _stat_leaving(self, life: Life, now: float) -> None:
        if life.tail.fd < 0 and not self._reopen(life, now):
            return
        status = os.fstat(life.tail.fd)
        self._following.stat(life, status, now)
        if life.state is not State.LEAVING or self._lives.is_ready(life) or self._lives.waits(life):
            return
        quiet_s = now - life.changed_s
        if life.tail.fragment:
            if quiet_s >= FRAGMENT_GRACE_S:
                life.tail.finish_line()
                self._lives.enqueue(life)
        elif life.names:
            self._lives.stay(life)
        elif not status.st_nlink:
            if quiet_s >= DELETED_GRACE_S and not life.unread:
                self._lives.end(life, done=True)
        elif quiet_s >= RENAMED_GRACE_S:
            self._lives.rest(life)

    def _limit_nameless(self) -> None:
        """Drop the oldest nameless lives if too many of their bytes are unread."""
        nameless = [
            life
            for life in self._lives.leaving
            if not (life.names or is_archive(life.path)) and life.tail.fd >= 0  # an included archive was not deleted
        ]
        unread = sum(life.unread for life in nameless)
        while self._nameless_bytes is not None and unread > self._nameless_bytes:
            oldest = next(life for life in nameless if life.unread)
            nameless.remove(oldest)
            unread -= oldest.unread
            report_dropped(oldest.path, oldest.unread, self._nameless_bytes)
            self._lives.end(oldest, done=True)
        gauge("logbus_held_lives", len(nameless))
        gauge("logbus_held_bytes", unread)

    def _search_resting(self) -> None:
        """Wake the resting lives that grew or disappeared from their directory."""
        siblings = Siblings(self._discovery.input_of)
        for life in [life for life in self._lives.resting if not life.names]:
            found = siblings.search(life)
            if not found or found.status.st_size != life.seen_size:
                self._lives.leave(life)

    def _reopen(self, life: Life, now: float) -> bool:
        """Reopen a leaving life that was closed to save descriptors, if it has unread bytes."""
        if life.names and life.tail.offset + life.tail.content.space == life.seen_size:
            self._lives.stay(life)
            return False
        try:
            if self._following.ensure_open(life, now) or (not life.names and self._open_sibling(life)):
                self._lives.enqueue(life)
                return True
        except (OSError, SourceError) as error:
            self._following.trouble(life, error)
        return False

    def _open_sibling(self, life: Life) -> bool:
        """Reopen a nameless life that was renamed, copied or compressed in its directory; end it if it is gone.

        Raises OSError if it could not be searched for.
        """
        require_view(life.place)
        found = Siblings(self._discovery.input_of).search(life)
        is_it = found and life.tail.reopened_as(open_regular(found.path))
        if is_it and (life.id.generation is not None or life.tail.continues()):
            self._lives.keep_open(life)
            return True
        life.tail.close()
        if not self._following.recover(life):
            if life.lost_bytes:
                report_lost(life.path, life.lost_bytes)
            self._lives.end(life)
        return False
