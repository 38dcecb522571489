"""The service of commands that listen to the fleet: for a time, or until they are stopped, with a picture meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live

from logbus import daemon
from logbus.broker.connecting.connection import Connection
from logbus.config.settings import Broker
from logbus.fleet.status import Status
from sinks.fleet.listening import Listener

DRAW_S: Final = 1.0


@dataclass(slots=True)
class Watch:
    """Draws what `picture` returns once a second if it is `live`; ends once `is_enough`, or patience does.

    That lasts `patience_s` from `since_s` on: when it began to listen, or else, when it started.
    """

    picture: Callable[[], RenderableType]
    since_s: Callable[[], float]
    patience_s: float
    is_enough: Callable[[], bool]
    live: Live | None = None
    _next_s: float = field(default=0.0, init=False)
    _stopped: bool = field(default=False, init=False)

    def step(self, now: float) -> float:
        """Draw if that is due."""
        if self.live and now >= self._next_s:
            self._next_s = now + DRAW_S
            self.live.update(self.picture(), refresh=True)
        return max(0.0, min(DRAW_S, self._until_s - now))

    @property
    def _until_s(self) -> float:
        return self.since_s() + self.patience_s

    def drain(self) -> None:
        """End."""
        self._stopped = True

    def finished(self) -> bool:
        """Return True once the time is over, or enough was heard."""
        return self._stopped or self.is_enough() or time.monotonic() >= self._until_s

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
    """Let `hear` take in statuses for `patience_s` once it listens.

    None: until somebody stops it, with the picture on the terminal.

    Raises BrokerRefused.
    """
    started_s = time.monotonic()
    link = Connection(Broker(url=broker), role)
    listener = Listener(link, hear)

    def since_s() -> float:
        return listener.since_s or started_s

    if patience_s is not None:
        daemon.run(Watch(picture, since_s, patience_s, is_enough), link)
        return
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        daemon.run(Watch(picture, since_s, float("inf"), bool, live), link)
