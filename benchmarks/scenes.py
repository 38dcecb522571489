"""What the pictures of the page show: hosts whose applications write the same lines each time, and the scenes.

All times in the lines are those of one minute in the past; only the order in which lines of different hosts arrive, and
the heights of the bars, are a little different each time.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.applications import Generator

BEGAN_US: Final = 1_773_480_390_000_000
"""2026-03-14 09:26:30 UTC."""
TICK_S: Final = 0.1
TICKS: Final = 450
HOSTS: Final = {"web-3": ("web", "auth"), "shop-2": ("shop",), "api-2": ("api",), "db-1": ("postgres",)}
"""Host -> its applications, a file each. The shipper of db-1 dies early."""
SILENT: Final = "db-1"
TRACE_EVERY: Final = 45
_STAMPS: Final = re.compile(rb',? t=[0-9]+ n=[0-9]+|, "t": [0-9]+, "n": [0-9]+')
_TRACE: Final = """\
{moment} ERROR [http-3] com.example.shop.Payments - order {order} failed
java.net.SocketTimeoutException: Read timed out
\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)
\tat java.base/sun.nio.ch.NioSocketImpl.implRead(NioSocketImpl.java:304)
\tat com.example.shop.Gateway.charge(Gateway.java:118)
\tat com.example.shop.Payments.pay(Payments.java:64)
Caused by: java.io.IOException: gateway.example.com did not answer within 3 s
\tat com.example.shop.Gateway.await(Gateway.java:171)
\t... 3 more
"""
Name = Literal["login", "empty", "live", "live-dark", "trace", "search", "phone", "fleet", "disconnected"]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: its size in pixels, and where in the page it is."""

    name: Name
    width: int = 1120
    height: int = 560
    path: str = "/"

    @property
    def file(self) -> str:
        """Its name in docs/pictures."""
        return f"{self.name}.png"


SCENES: Final[dict[Name, Scene]] = {
    each.name: each
    for each in (
        Scene("login", height=480),
        Scene("empty", height=480),
        Scene("live"),
        Scene("live-dark"),
        Scene("trace", path="/?text=failed&min=err"),
        Scene("search", height=480, path="/search?text=order&min=err"),
        Scene("phone", 390, 760),
        Scene("fleet", height=360, path="/fleet"),
        Scene("disconnected", height=480),
    )
}


def written(tick: int, generator: Generator) -> Iterator[tuple[str, str, bytes]]:
    """Yield what is written in a tick: host, application, lines."""
    at_us = BEGAN_US + int(tick * TICK_S * 1_000_000)
    for host, applications in HOSTS.items():
        for application in applications:
            yield host, application, _lines(application, tick, at_us, generator)


def _lines(application: str, tick: int, at_us: int, generator: Generator) -> bytes:
    """Return an application's lines of a tick: they come in waves."""
    second, tenth = divmod(tick, 10)
    moment = f"2026-03-14 09:{26 + (30 + second) // 60:02d}:{(30 + second) % 60:02d},{tenth}00"
    if application == "postgres":
        return f"{moment.replace(',', '.')} UTC [211] LOG:  checkpoint complete: wrote {tick + 40} buffers\n".encode()
    if application == "shop" and tick % TRACE_EVERY == TRACE_EVERY - 1:
        return _TRACE.format(moment=moment, order=4000 + tick).encode()
    count = round((1.2 if application == "auth" else 4) * (1 + math.sin(tick / 40 + len(application))) / 2)
    return b"".join(_STAMPS.sub(b"", generator.line(application, at_us).data) for _ in range(count))
