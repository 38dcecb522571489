"""The exception tree: every outside failure surfaces as one of these.

    LogbusError
    |-- UsageError          a flag, a path or a configuration the user must change       exit 2
    |   `-- ConfigError     the same, with file, line and key
    |-- BrokerError
    |   |-- BrokerUnavailable   no route, refused, dropped: waiting helps (retryable)    exit 1
    |   `-- BrokerRefused       credentials, permissions, properties: waiting does not   exit 3
    |-- WireError           a message that breaks the wire contract
    |-- SourceError         an input file that cannot be read now (retryable)            exit 1
    |-- StateError          a registry or a ledger that cannot be used                   exit 1
    `-- OutputError         an output that cannot be written now (retryable)             exit 1

Every message has one shape, `cannot X: cause (what to do)`, on one line, with hostile bytes escaped.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


def visible(text: object) -> str:
    """Return `text` on one line, with control characters, bidi marks and stray surrogates escaped."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in str(text))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question about the known word that `word` resembles; "" if it resembles none."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 line`, `2 lines`, `2 matches` for the `plural` matches."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


class LogbusError(Exception):
    """Base class: cannot do `cannot` because of `cause`; `hint` says what to do about it."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, cannot: str, cause: object, hint: str = "") -> None:
        self.cannot = cannot
        self.cause = cause
        self.hint = hint
        super().__init__(cannot, cause, hint)

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return visible(f"cannot {self.cannot}: {describe(self.cause)}{hint}")


def describe(cause: object) -> str:
    """Return a cause in words: an OSError by its text alone, anything else as it prints."""
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause)


class UsageError(LogbusError):
    """The user must change a flag, a path or a setting."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file is wrong; the cause names line and key."""


class BrokerError(LogbusError):
    """A problem with RabbitMQ."""


class BrokerUnavailable(BrokerError):  # noqa: N818 - the tree reads better without Error at every leaf
    """RabbitMQ is unavailable now; waiting helps."""

    retryable = True


class BrokerRefused(BrokerError):  # noqa: N818 - as above
    """RabbitMQ refused: credentials, permissions or properties; waiting does not help."""

    exit_code = 3


class WireError(LogbusError):
    """A message breaks the wire contract."""

    def __init__(self, cause: str) -> None:
        super().__init__("decode the message", cause)


class SourceError(LogbusError):
    """An input cannot be read now."""

    retryable = True


class StateError(LogbusError):
    """A registry or a ledger cannot be used."""


class OutputError(LogbusError):
    """An output cannot be written now."""

    retryable = True
