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
from shipper.lives.lives import Lives
from shipper.lives.tail import Tail
from shipper.steps.resuming import Resumption

DELETED_GRACE_S = 5.0
RENAMED_GRACE_S = 60.0
FRAGMENT_GRACE_S = 5.0
LEAVING_CHECK_S = 0.25
RESTING_CHECK_S = 30.0


class Departures:
    """Looks at lives that leave or rest. Of those without a name, `hold_bytes` may be unread, None: any number."""

    def __init__(
        self, lives: Lives, discovery: Discovery, resumption: Resumption, hold_bytes: int | None = None
    ) -> None:
        self._hold_bytes = hold_bytes
        self._lives = lives
        self._resumption = resumption
        self._discovery = discovery
        self._next_check = self._next_resting_check = 0.0

    def check(self, now: float) -> float:
        """Look at lives whose path means another file by now; return when to look again, in seconds."""
        if now >= self._next_check:
            self._next_check = now + LEAVING_CHECK_S
            for tail in list(self._lives.leaving):
                self._check_leaving(tail, now)
            self._limit_held()
            if now >= self._next_resting_check:
                self._next_resting_check = now + RESTING_CHECK_S
                self._check_resting()
        return self._next_check - now if self._lives.leaving else float("inf")

    def leave(self) -> None:
        """End the deleted files that were read to their end: there is no later."""
        for tail in list(self._lives.leaving):
            if tail.fd >= 0 and not (tail.behind or tail.fragment or tail.unread or os.fstat(tail.fd).st_nlink):
                self._lives.end(tail, done=True)

    def flush_held(self, now: float) -> float:
        """Have records read that nothing was added to for `flush_s`; return when the next is due, in seconds."""
        wait_s = float("inf")
        for tail in list(self._lives.held):
            due_s = tail.changed_s + tail.recorder.flush_s - now
            if due_s > 0 and tail.held and not tail.ended:
                wait_s = min(wait_s, due_s)
                continue
            del self._lives.held[tail]
            if tail.held:
                tail.flush = True
                self._lives.enqueue(tail)
        return wait_s

    def _check_leaving(self, tail: Tail, now: float) -> None:
        if tail.ended or not tail.rotated:
            self._lives.leaving.pop(tail, None)
            return
        if tail.unpacking or (tail.fd < 0 and not self._reopen(tail, now)):
            return
        status = os.fstat(tail.fd)
        self._lives.visit(tail, status, now)
        if tail.ended or tail.queued or tail.behind:
            return
        quiet_s = now - tail.changed_s
        if tail.fragment:
            if quiet_s >= FRAGMENT_GRACE_S:
                tail.final = True
                self._lives.enqueue(tail)
        elif tail.names:
            self._lives.leaving.pop(tail)
        elif not status.st_nlink:
            if quiet_s >= DELETED_GRACE_S and not tail.unread:
                self._lives.end(tail, done=True)
        elif quiet_s >= RENAMED_GRACE_S:
            self._rest(tail)

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

    def _rest(self, tail: Tail) -> None:
        """Close a life that was renamed away and is quiet; it is looked at now and then."""
        self._lives.leaving.pop(tail)
        self._lives.open_files.close(tail)
        self._lives.resting[tail] = self._lives.dirty[tail] = None
        tail.settled = True

    def _check_resting(self) -> None:
        """Open the resting lives that grew, and end those that are gone from their directory."""
        siblings = Siblings(self._discovery.input_of)
        for tail in [tail for tail in self._lives.resting if not tail.names]:
            found = siblings.find(tail)
            if found and found.status.st_size == tail.seen_size:
                continue
            del self._lives.resting[tail]
            self._lives.leaving[tail] = None

    def _reopen(self, tail: Tail, now: float) -> bool:
        """Open a leaving life that was closed to save descriptors, if there is anything to be had of it."""
        if tail.names and tail.offset + tail.space == tail.seen_size:
            self._lives.leaving.pop(tail)
            return False
        try:
            if self._lives.ensure_open(tail, now) or (not tail.names and self._open_sibling(tail)):
                self._lives.enqueue(tail)
                return True
        except (OSError, SourceError) as error:
            self._lives.trouble(tail, error)
        return False

    def _open_sibling(self, tail: Tail) -> bool:
        """Open a nameless life that was only renamed, copied or compressed in its directory; end it if it is gone."""
        found = Siblings(self._discovery.input_of).find(tail)
        is_it = found and tail.reopened_as(open_regular(found.path))
        if is_it and (tail.generation is not None or tail.continues()):
            self._lives.open_files.hold(tail)
            return True
        tail.close()
        if not self._resumption.recover(tail):
            if tail.lost_bytes:
                say_lost(tail.path, tail.lost_bytes)
            self._lives.end(tail)
        return False
