"""The service of commands that listen to the fleet: for a time, or until they are stopped, with a picture meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

from logbus import daemon
from logbus.broker.connection import Connection
from logbus.config.settings import Broker
from logbus.fleet.status import Status
from sinks.fleet.listening import Listener

DRAW_S: Final = 1.0


@dataclass(slots=True)
class Watch:
    """Draws what `picture` returns once a second if it is `live`; ends at `until_s`, or once `is_enough`."""

    picture: Callable[[], RenderableType]
    until_s: float
    is_enough: Callable[[], bool]
    live: Live | None = None
    _next_s: float = field(default=0.0, init=False)
    _stopped: bool = field(default=False, init=False)

    def step(self, now: float) -> float:
        """Draw if that is due."""
        if self.live and now >= self._next_s:
            self._next_s = now + DRAW_S
            self.live.update(self.picture(), refresh=True)
        return max(0.0, min(DRAW_S, self.until_s - now))

    def drain(self) -> None:
        """End."""
        self._stopped = True

    def finished(self) -> bool:
        """Return True once the time is over, or enough was heard."""
        return self._stopped or self.is_enough() or time.monotonic() >= self.until_s

    def reload(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def watch(  # noqa: PLR0913 - where, what, and for how long
    broker: str,
    role: str,
    hear: Callable[[Status], None],
    picture: Callable[[], RenderableType],
    *,
    patience_s: float | None,
    is_enough: Callable[[], bool] = bool,
) -> None:
    """Let `hear` take in statuses for `patience_s`; None: until somebody stops it, with the picture on the terminal.

    Raises BrokerRefused.
    """
    until_s = float("inf") if patience_s is None else time.monotonic() + patience_s
    link = Connection(Broker(url=broker), role)
    Listener(link, hear)
    if patience_s is not None:
        daemon.run(Watch(picture, until_s, is_enough), link)
        return
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        daemon.run(Watch(picture, until_s, bool, live), link)
