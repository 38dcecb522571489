"""The progress line that `--once` draws on a terminal."""

import sys
import time
from typing import Protocol

REDRAW_EVERY_S = 0.2
MEGA = 1e6


class Service(Protocol):
    """A service that is run in steps and reports its progress: the agent."""

    def step(self, now: float) -> float:
        """Do the work that is due; return the seconds until the next step."""

    def drain(self) -> None:
        """Stop reading."""

    def finished(self) -> bool:
        """Return True when no work is left."""

    def reload(self) -> None:
        """Scan at once."""

    def close(self) -> None:
        """Save, and release everything."""

    def progress(self) -> tuple[int, int]:
        """Return the confirmed bytes and the total bytes."""


class ProgressLine:
    """Wraps the agent and draws its progress between steps."""

    def __init__(self, agent: Service) -> None:
        self._agent = agent
        self._began = time.monotonic()
        self._next_draw = self._began + REDRAW_EVERY_S
        self._drawn = False

    def step(self, now: float) -> float:
        """Step the agent and draw, five times a second at most."""
        wait_s = self._agent.step(now)
        if now >= self._next_draw:
            self._next_draw = now + REDRAW_EVERY_S
            self._draw(now)
        return min(wait_s, REDRAW_EVERY_S)

    def drain(self) -> None:
        """Drain the agent."""
        self._agent.drain()

    def finished(self) -> bool:
        """Return True if the agent has finished."""
        return self._agent.finished()

    def reload(self) -> None:
        """Reload the agent."""
        self._agent.reload()

    def close(self) -> None:
        """Erase the line and close the agent."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
        self._agent.close()

    def _draw(self, now: float) -> None:
        done, total = self._agent.progress()
        rate = done / (now - self._began) / MEGA
        share = 100 * done // total if total else 100
        sys.stderr.write(f"\r\x1b[K{share:3d} %  {done / MEGA:.1f} of {total / MEGA:.1f} MB confirmed, {rate:.1f} MB/s")
        sys.stderr.flush()
        self._drawn = True
