"""Remembered lives: which of them an open file continues, and the registry row of a life."""

import logging
from collections.abc import Container, Iterator

from logbus.errors import visible
from shipper.files.identity import digest, random_id
from shipper.files.opening import OpenFile
from shipper.lives.comparing import RESUMABLE, Verdict, recognise
from shipper.lives.life import Life
from shipper.lives.states import State
from shipper.state.registry import Registry, Row

logger = logging.getLogger("shipper.recognition")

_COPY = "copy of "


class Memory:
    """What the registry remembers of files. With `cloned` it is another machine's: lives continue under new ids."""

    def __init__(self, registry: Registry, *, cloned: bool = False) -> None:
        self._registry = registry
        self._cloned = cloned
        self.over: dict[str, tuple[Row, Verdict]] = {}

    def resume(self, life: Life, followed: Container[str]) -> Verdict:
        """Resume a remembered stream from this file, if it is one that is not `followed`. Return the verdict.

        Streams that turn out to be over are kept in `over` until `bury`. A stream that is followed in its copy was in
        this file before: the file's present life succeeds it, at its path.
        """
        for row in self._registry.candidates(life.inode):
            verdict = recognise(life.tail.file, row)
            if verdict is Verdict.REWRITTEN and row.stream in followed:
                life.adopt(row.path, row.real_path)
            if verdict is Verdict.OTHER_FILE or row.stream in followed:
                continue
            self._take_over(life, row, verdict)
            if verdict is not Verdict.REPLACED:
                return verdict
        return Verdict.OTHER_FILE

    def resume_as(self, life: Life, stream: str) -> Verdict:
        """Resume this remembered stream, unless the file holds a later life. Return the verdict."""
        for row in self._registry.candidates(life.inode):
            verdict = recognise(life.tail.file, row)
            if row.stream == stream:
                if verdict is not Verdict.OTHER_FILE:
                    self._take_over(life, row, verdict)
                return verdict
            if verdict in RESUMABLE and (over := self._registry.row(stream)):
                self.over[stream] = (over, Verdict.REPLACED)
                return Verdict.REPLACED
        return Verdict.OTHER_FILE

    def knows(self, file: OpenFile) -> bool:
        """Return True if an open file holds a remembered life."""
        return any(recognise(file, row) in RESUMABLE for row in self._registry.candidates(file.id.inode))

    def resembling(self, head: bytes) -> Iterator[Row]:
        """Yield the streams, done or not, whose heads are a beginning of `head`, the first bytes of a file."""
        for length in self._registry.head_lengths():
            if 0 < length <= len(head):
                yield from self._registry.with_head(length, digest(head[:length]))

    def resume_row(self, life: Life, row: Row) -> None:
        """Resume a remembered stream in a life whose file holds it."""
        life.begin_at(row.offset)
        if not self._cloned:
            life.resume(row.stream, row.head_length, row.published if life.recorder.reworks else 0)

    def note_copy(self, life: str, copy: str) -> None:
        """Remember which file, `described`, holds the first bytes of the stream `life`, to survive a kill."""
        self._registry.remember(_COPY + life, copy, sync=False)

    def forget_copies(self, life: str = "") -> None:
        """Forget the copy of a stream, or of all streams."""
        self._registry.forget(_COPY + life)

    def with_noted_copies(self) -> list[Row]:
        """Return the remembered lives that have a remembered copy."""
        return [row for stream in self._registry.facts(_COPY) if (row := self._registry.row(stream))]

    def noted_copy(self, life: str) -> str:
        """Return the noted copy of a stream, "" if there is none."""
        return self._registry.fact(_COPY + life)

    def take_as_read(self, life: Life, size: int) -> bool:
        """Remember a file whose first `size` bytes were shipped from another one; False if the save failed."""
        life.begin_at(size)
        life.identify(random_id())
        return self._registry.add([row_of(life)])

    def bury(self) -> None:
        """Save and report the end of the streams in `over`."""
        if self.over and self._registry.save([row.ended() for row, _ in self.over.values()]):
            for row, verdict in self.over.values():
                if verdict is not Verdict.SAME:
                    log = logger.info if verdict is Verdict.REPLACED else logger.warning
                    log("%s has changed since it was last read: %s", visible(row.path), verdict.value)
            self.over.clear()

    def is_rewritten(self, stream: str) -> bool:
        """Return True if a stream is over because its file was rewritten."""
        return stream in self.over and self.over[stream][1] is Verdict.REWRITTEN

    def _take_over(self, life: Life, row: Row, verdict: Verdict) -> None:
        """Resume a remembered stream: with its id, without the id, or without id and offset."""
        if verdict is not Verdict.REPLACED and life.path != row.path:
            life.adopt(row.path, row.real_path)
        if verdict is Verdict.SAME:
            self.resume_row(life, row)
        elif verdict is Verdict.LOST_UNCONFIRMED:
            life.begin_at(row.offset)
        if verdict is not Verdict.SAME or self._cloned:
            self.over[row.stream] = (row, verdict)


def row_of(life: Life) -> Row:
    """Return the registry row of a life as it is now."""
    confirmed = life.progress.checkpoint
    return Row(
        stream=life.stream,
        device=life.id.device,
        inode=life.id.inode,
        generation=life.id.generation,
        path=life.path,
        offset=confirmed.offset,
        fingerprint=digest(confirmed.before),
        published=life.tail.offset,
        published_fingerprint=digest(life.tail.position.before),
        head_length=life.tail.head.length,
        head=life.tail.head.digest(),
        done=life.state is State.DONE and life.progress.committed >= life.tail.offset,
        real_path=life.real_path,
        settled=life.settled,
    )
