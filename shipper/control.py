"""What a shipper answers, and does, when it is asked over RabbitMQ: `logbus.control` says to whom."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import pread
from typing import Final

from msgspec import Struct

from logbus.command_line.later import later
from logbus.control.orders import LogLevel, reloading
from logbus.control.verbs import Said, Verbs, one_of
from logbus.decoding import decoded
from logbus.errors import SourceError, UsageError, visible
from logbus.fleet.status import Status
from shipper.files.opening import open_regular
from shipper.lives.life import Life
from shipper.lives.lives import Lives
from shipper.settings import Input, Settings

explained = later("shipper.commands.explain", "explained")
is_named = later("shipper.commands.explain", "is_named")
"""Needed only where somebody asks."""

LINES: Final = 10
MOST_LINES: Final = 200
MOST_BYTES: Final = 32 * 1024
"""Of a file; as JSON, at most six times as much."""


class Shipper(Struct, frozen=True):
    """The part of a shipper that is told of; `config` is the path of its configuration, "" if there is none."""

    settings: Settings
    lives: Lives
    config: str = ""

    def explain(self, arguments: list[str]) -> Said:
        """Answer as `logbus-shipper explain` does; of a path that no input names, nothing is looked up.

        Raises UsageError, StateError.
        """
        path = _absolute(one_of(arguments, "PATH"))
        if not is_named(path, self.settings.inputs):
            return Said(f"{visible(path)}: not shipped: no input names it")
        _, (first, *rest) = explained(path, self.settings, self.config)
        return Said("\n".join([f"{visible(path)}: {visible(first)}", *(f"  {visible(each)}" for each in rest)]))

    def tail(self, arguments: list[str]) -> Said:
        """Answer with the last lines that were read of a followed file. Raises UsageError, SourceError, OSError."""
        if len(arguments) not in {1, 2}:
            raise UsageError("tail", "the arguments are PATH and, perhaps, a number of lines")
        path, count = _absolute(arguments[0]), _count(arguments[1:])
        life = self.lives.index.at(path)
        if life is None:
            raise SourceError(f"tail {path}", "this shipper does not follow it", "explain tells why")
        if _is_filtered(life.input):
            raise UsageError(
                f"tail {path}", "its input has redact, keep, drop or rate_limit: not all of it may be seen"
            )
        with _descriptor(life, path) as fd:
            return Said(last_lines(life, fd, count))


def verbs(
    shipper: Shipper,
    describe: Callable[[], Status],
    call_later: Callable[[float, Callable[[], None]], None],
    read_again: Callable[[], object] | None,
) -> Verbs:
    """Return the verbs of a shipper."""
    return Verbs(
        describe,
        shipper.settings.permission,
        questions={"explain": shipper.explain, "tail": shipper.tail},
        orders={"reload": reloading(read_again), "log-level": LogLevel(call_later)},
    )


def last_lines(life: Life, fd: int, count: int) -> str:
    """Return the last lines before where a life is read, as text; the first one may be cut off."""
    encoding = life.recorder.encoding
    end = life.offset
    at = max(0, end - MOST_BYTES)
    data = pread(fd, end - at, at)
    text = encoding.decode(data, at).body if encoding.decodes else encoding.swapped(data)
    return decoded(b"\n".join(text.removesuffix(b"\n").split(b"\n")[-count:]))


@contextmanager
def _descriptor(life: Life, path: str) -> Iterator[int]:
    """Give the descriptor of a life's file; one that is closed meanwhile is opened, if it still is at its path."""
    if life.tail.fd >= 0:
        yield life.tail.fd
        return
    file = open_regular(path)
    try:
        if file.id != life.id:
            raise SourceError(f"tail {path}", "another file is there by now", "ask again")
        yield file.fd
    finally:
        file.close()


def _is_filtered(entry: Input) -> bool:
    return bool(entry.redact or entry.keep or entry.drop or entry.rate_limit)


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise UsageError(f"look at {path}", "it is no absolute path", "give the path from / on")
    return path


def _count(given: list[str]) -> int:
    if not given:
        return LINES
    if not (given[0].isascii() and given[0].isdigit() and len(given[0]) <= len(str(MOST_LINES))):
        raise UsageError("tail", f"{given[0]} is no number of lines", f"give 1 to {MOST_LINES}")
    return max(1, min(int(given[0]), MOST_LINES))
