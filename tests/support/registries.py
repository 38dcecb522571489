"""A registry whose process can be killed, and whose disk can be full."""

from collections.abc import Callable
from pathlib import Path

from shipper.agent import Agent
from shipper.state.registry import Registry


class MortalRegistry(Registry):
    """A registry that saves nothing any more once its process is `dead`."""

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.dead = False

    def _write(self, statements: list[tuple[str, list[tuple[object, ...]]]], *, sync: bool) -> bool:
        return not self.dead and super()._write(statements, sync=sync)

    def fill_disk(self) -> None:
        """Let nothing more fit: SQLite's own way to a full disk."""
        self._db.execute("PRAGMA max_page_count = 5")

    def free_disk(self) -> None:
        """Give room again."""
        self._db.execute("PRAGMA max_page_count = 100000")

    def trace(self, note: Callable[[str], object]) -> None:
        """Have `note` called with each statement: SQLite's own way to see what it does."""
        self._db.set_trace_callback(note)


def kill(agent: Agent, registry: MortalRegistry) -> None:
    """End an agent as SIGKILL would: nothing is saved, descriptors and locks are released."""
    registry.dead = True
    agent.close()
