"""How lives end: what time does to tails whose path means another file by now, and to what waits in them.

A life without a name is kept open: a deleted file until it was quiet for DELETED_GRACE_S, one that was renamed away
for RENAMED_GRACE_S; the latter then rests: it is looked for beside its path every RESTING_CHECK_S, while it exists. An
unfinished last line leaves when its rotated file was quiet for FRAGMENT_GRACE_S.
"""

import os

from logbus.errors import SourceError
from logbus.telemetry import gauge
from shipper.files.complaints import say_dropped, say_lost
from shipper.files.discovery import Discovery, Siblings
from shipper.files.opening import open_regular
from shipper.lives.following import Following
from shipper.lives.lives import Lives
from shipper.lives.tail import Tail

DELETED_GRACE_S = 5.0
RENAMED_GRACE_S = 60.0
FRAGMENT_GRACE_S = 5.0
LEAVING_CHECK_S = 0.25
RESTING_CHECK_S = 30.0


class Departures:
    """Looks at lives that leave or rest. Of those without a name, `hold_bytes` may be unread, None: any number."""

    def __init__(self, lives: Lives, following: Following, discovery: Discovery, hold_bytes: int | None = None) -> None:
        self._hold_bytes = hold_bytes
        self._lives = lives
        self._following = following
        self._discovery = discovery
        self._next_check = self._next_resting_check = 0.0

    def work(self, now: float) -> None:
        """Look at lives whose path means another file by now, and have records read that were held for long enough."""
        if now >= self._next_check:
            self._next_check = now + LEAVING_CHECK_S
            for tail in self._lives.leaving:
                self._check_leaving(tail, now)
            self._limit_held()
            if now >= self._next_resting_check:
                self._next_resting_check = now + RESTING_CHECK_S
                self._check_resting()
        self._flush_held(now)

    def wait_s(self, now: float) -> float:
        """Return the seconds until there is something to look at, or to read."""
        wait_s = min((self._due_s(tail, now) for tail in self._lives.held), default=float("inf"))
        return min(wait_s, self._next_check - now) if self._lives.leaving else wait_s

    def leave(self) -> None:
        """End the deleted files that were read to their end: there is no later."""
        for tail in self._lives.leaving:
            unfinished = self._lives.waits(tail) or tail.fragment or tail.unread
            if tail.fd >= 0 and not unfinished and not os.fstat(tail.fd).st_nlink:
                self._lives.end(tail, done=True)

    def _flush_held(self, now: float) -> None:
        """Have records read that nothing was added to for `flush_s`."""
        for tail in self._lives.held:
            if self._due_s(tail, now) > 0:
                continue
            self._lives.let_go(tail)
            if tail.held:
                tail.flush_record()
                self._lives.enqueue(tail)

    @staticmethod
    def _due_s(tail: Tail, now: float) -> float:
        """Return in how many seconds a tail need not be held any more."""
        return tail.changed_s + tail.recorder.flush_s - now if tail.held and not tail.ended else 0.0

    def _check_leaving(self, tail: Tail, now: float) -> None:
        if tail.ended or not tail.rotated:
            self._lives.stay(tail)
            return
        if tail.unpacking or (tail.fd < 0 and not self._reopen(tail, now)):
            return
        status = os.fstat(tail.fd)
        self._following.visit(tail, status, now)
        if tail.ended or self._lives.is_ready(tail) or self._lives.waits(tail):
            return
        quiet_s = now - tail.changed_s
        if tail.fragment:
            if quiet_s >= FRAGMENT_GRACE_S:
                tail.finish_line()
                self._lives.enqueue(tail)
        elif tail.names:
            self._lives.stay(tail)
        elif not status.st_nlink:
            if quiet_s >= DELETED_GRACE_S and not tail.unread:
                self._lives.end(tail, done=True)
        elif quiet_s >= RENAMED_GRACE_S:
            self._lives.rest(tail)

    def _limit_held(self) -> None:
        """Give up the oldest of the lives that are held open without a name, if too much of them is unread."""
        held = [tail for tail in self._lives.leaving if not tail.names and tail.fd >= 0]
        unread = sum(tail.unread for tail in held)
        while self._hold_bytes is not None and unread > self._hold_bytes:
            oldest = next(tail for tail in held if tail.unread)
            held.remove(oldest)
            unread -= oldest.unread
            say_dropped(oldest.path, oldest.unread, self._hold_bytes)
            self._lives.end(oldest, done=True)
        gauge("logbus_held_lives", len(held))
        gauge("logbus_held_bytes", unread)

    def _check_resting(self) -> None:
        """Open the resting lives that grew, and end those that are gone from their directory."""
        siblings = Siblings(self._discovery.input_of)
        for tail in [tail for tail in self._lives.resting if not tail.names]:
            found = siblings.find(tail)
            if not found or found.status.st_size != tail.seen_size:
                self._lives.wake(tail)

    def _reopen(self, tail: Tail, now: float) -> bool:
        """Open a leaving life that was closed to save descriptors, if there is anything to be had of it."""
        if tail.names and tail.offset + tail.space == tail.seen_size:
            self._lives.stay(tail)
            return False
        try:
            if self._following.ensure_open(tail, now) or (not tail.names and self._open_sibling(tail)):
                self._lives.enqueue(tail)
                return True
        except (OSError, SourceError) as error:
            self._following.trouble(tail, error)
        return False

    def _open_sibling(self, tail: Tail) -> bool:
        """Open a nameless life that was only renamed, copied or compressed in its directory; end it if it is gone."""
        found = Siblings(self._discovery.input_of).find(tail)
        is_it = found and tail.reopened_as(open_regular(found.path))
        if is_it and (tail.generation is not None or tail.continues()):
            self._lives.hold_open(tail)
            return True
        tail.close()
        if not self._following.recover(tail):
            if tail.lost_bytes:
                say_lost(tail.path, tail.lost_bytes)
            self._lives.end(tail)
        return False
