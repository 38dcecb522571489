"""The dead letters in the queue `logs.dead`: messages that no sink could decode or write, each with the reason.

A letter's id is made from its content, because reading letters takes them from the queue and puts them back, which
changes their order. Two people should not do that at the same time.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from logbus.batch import Message
from logbus.broker.consuming.dead_letters import QUEUE_HEADER, REASON_HEADER, USER_HEADER
from logbus.broker.refusals import NOT_FOUND
from logbus.broker.session import Refusal, Session, session
from logbus.broker.topology import DEAD
from logbus.config.settings import Broker
from logbus.errors import LogbusError, UsageError, counted, visible
from sinks.delivery.quarantine import WHOLE_BYTES_HEADER
from sinks.printable import printable

LISTED = 100
CELL_LENGTH = 40
END_OF_TIME_S = 253_402_300_800
"""The year 10000."""
HEADINGS = ("id", "time", "queue", "host", "label", "size", "reason")
OURS = frozenset({REASON_HEADER, QUEUE_HEADER, USER_HEADER})
BROKERS = re.compile(
    r"x-(death|delivery-count|acquired-count|stream-offset|opt-.*|(first|last)-death-(reason|queue|exchange))"
)
"""Headers that RabbitMQ adds when it dead-letters or redelivers a message, from 3.8 to 4.3."""


class Letter(Struct, frozen=True):
    """A dead letter: its tag in this session, the message, and how many identical letters were read before it."""

    tag: int
    message: Message
    before: int = 0

    @property
    def id(self) -> str:
        """The letter's id: the same each time it is read; of identical letters, the second ends with .2, and so on."""
        return f"{self.content_id}.{self.before + 1}" if self.before else self.content_id

    @property
    def content_id(self) -> str:
        """The id of the content."""
        parts = (self.queue, self.reason, self.message.routing_key, self.message.message_id or "")
        head = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.sha256(head + b"\0" + self.message.body).hexdigest()[:12]

    @property
    def reason(self) -> str:
        """The reason given by the sink, or by RabbitMQ itself."""
        return str(self.message.headers.get(REASON_HEADER) or _death(self.message.headers).get("reason", "unknown"))

    @property
    def queue(self) -> str:
        """The queue that the letter came from, "" if unknown."""
        return str(self.message.headers.get(QUEUE_HEADER) or _death(self.message.headers).get("queue", ""))

    @property
    def excerpt_of_bytes(self) -> int:
        """The length of the whole body in bytes, if this is an excerpt; otherwise 0."""
        whole_bytes = self.message.headers.get(WHOLE_BYTES_HEADER, 0)
        return whole_bytes if isinstance(whole_bytes, int) else 0


def _death(headers: Mapping[str, object]) -> Mapping[str, object]:
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else {}
    return first if isinstance(first, dict) else {}


@contextmanager
def letters(broker: Broker) -> "Iterator[tuple[Session, Iterator[Letter]]]":
    """Yield the dead letters, one after the other; those not acknowledged are requeued at the end."""
    with session(broker, "dead letters") as link:
        try:
            yield link, _taken(link)
        except Refusal as refusal:
            if refusal.code != NOT_FOUND:
                raise
            raise LogbusError("read the dead letters", refusal.text, "has any sink been started yet?") from None
        finally:
            with suppress(Refusal):  # its channel is closed, which also requeues everything
                link.put_back()


def _taken(link: Session) -> Iterator[Letter]:
    read: Counter[str] = Counter()
    while taken := link.get(DEAD):
        letter = Letter(*taken)
        content = letter.content_id
        yield replace(letter, before=read[content])
        read[content] += 1


def show_list(broker: Broker, limit: int = LISTED) -> Iterator[str]:
    """Yield the headings, and one line per letter; a line says so if there are none, or more than `limit`."""
    with letters(broker) as (_, found):
        rows = [_row(each) for each in islice(found, limit)]
        more = next(found, None) is not None
    if not rows:
        yield "there are no dead letters"
        return
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    for row in (HEADINGS, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if more:
        yield f"only the first {limit} are listed: give a larger --limit for more"


def _row(letter: Letter) -> tuple[str, ...]:
    """Return the cells of a letter, which anybody may have written."""
    headers = letter.message.headers
    names = (letter.queue, headers.get("host") or "", headers.get("label") or "")
    size = counted(letter.excerpt_of_bytes or len(letter.message.body), "byte")
    return (letter.id, _time(letter.message.timestamp), *(_cell(each) for each in names), size, visible(letter.reason))


def _cell(text: object) -> str:
    """Return the beginning of a name without blanks in it, "-" for none."""
    return visible(text)[:CELL_LENGTH].replace(" ", "_") or "-"


def _time(utc_s: int | None) -> str:
    """Return when the batch was read or the message published, "-" if nobody says so, or in no year of ours."""
    if utc_s is None or not 0 <= utc_s < END_OF_TIME_S:
        return "-"
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def show_one(broker: Broker, letter_id: str) -> Iterator[str]:
    """Yield everything about one letter, safe for a terminal. Raises UsageError if there is no such letter."""
    with letters(broker) as (_, found):
        letter = _find(found, letter_id)
        yield f"reason: {visible(letter.reason)}"
        yield f"queue: {visible(letter.queue)}"
        yield f"routing key: {visible(letter.message.routing_key)}"
        for name in ("type", "message_id", "app_id", "content_encoding", "timestamp"):
            if value := getattr(letter.message, name):
                yield f"{name}: {visible(value)}"
        for name, value in letter.message.headers.items():
            yield f"header {visible(name)}: {visible(value)}"
        yield printable(letter.message.body).decode().removesuffix("\n")


def requeue(broker: Broker, letter_id: str | None) -> int:
    """Put a letter, or all (None) but excerpts, back into its queue; return how many. Raises LogbusError."""
    return _settle(broker, letter_id, _requeue, lambda letter: letter_id is not None or not letter.excerpt_of_bytes)


def drop(broker: Broker, letter_id: str | None) -> int:
    """Delete a letter, or all (None); return how many. Raises UsageError if no letter has that id."""
    return _settle(broker, letter_id, lambda _link, _letter: None)


def _settle(
    broker: Broker,
    letter_id: str | None,
    action: Callable[[Session, Letter], None],
    wanted: Callable[[Letter], bool] = lambda _letter: True,
) -> int:
    with letters(broker) as (link, found):
        chosen = _all_there_are(link, found) if letter_id is None else iter([_find(found, letter_id)])
        count = 0
        for letter in filter(wanted, chosen):
            action(link, letter)
            link.ack(letter.tag)
            count += 1
        return count


def _all_there_are(link: Session, found: Iterator[Letter]) -> Iterator[Letter]:
    """Yield as many letters as there are now: a requeued one may return before the last is reached."""
    count = sum(1 for _ in found)
    link.put_back()
    return islice(_taken(link), count)


def _requeue(link: Session, letter: Letter) -> None:
    if whole_bytes := letter.excerpt_of_bytes:
        raise LogbusError(
            f"requeue the letter {letter.id}",
            f"it is an excerpt: the message had {whole_bytes} bytes, more than sinks accept",
            "publish it again in parts, or drop the letter",
        )
    try:
        there = link.depth(letter.queue) is not None
    except Refusal:  # RabbitMQ 4.3 does not tell a user without any permission for a queue whether it exists
        there = True  # if it does not, RabbitMQ returns the letter
    if not there:
        raise LogbusError(f"requeue the letter {letter.id}", f"there is no queue {letter.queue!r}")
    link.publish(letter.queue, _restored(letter.message))


def _find(found: Iterator[Letter], letter_id: str) -> Letter:
    for letter in found:
        if letter.id == letter_id:
            return letter
    raise UsageError(f"find the letter {letter_id}", "no letter has that id", "see dead list")


def _restored(message: Message) -> Message:
    """Return the original message without its user id, which only RabbitMQ can vouch for."""
    kept = {name: value for name, value in message.headers.items() if name not in OURS and not BROKERS.fullmatch(name)}
    return replace(message, headers=kept, user_id=None)
