"""The thread that runs the filters of all viewers: whoever has used the least of its time is next."""

import threading
import time

from sinks.web.live.hub import Hub


def look_on(hub: Hub) -> threading.Thread:
    """Start running filters, until the hub is closed."""
    thread = threading.Thread(target=_look_until_closed, args=(hub,), daemon=True, name="web filters")
    thread.start()
    return thread


def _look_until_closed(hub: Hub) -> None:
    while turn := hub.await_turn(time.monotonic):
        hub.look_at(turn, time.monotonic)
