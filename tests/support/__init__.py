"""What tests of every room share: `from support import wait_until`."""

import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from logbus.devbroker import DevBroker

T = TypeVar("T")
POLL_S = 0.01
SOAK = os.environ.get("LOGBUS_PROFILE") == "soak"
"""Whether this is the long profile, `make soak`."""
SOAK_EXAMPLES = 2_000


def examples(quick: int) -> int:
    """Return how many examples a model is to be tried with: `quick`, or in the long profile SOAK_EXAMPLES."""
    return SOAK_EXAMPLES if SOAK else quick


def nothing() -> None:
    """Do nothing."""


def wait_until(
    condition: Callable[[], T | None], deadline_s: float = 30.0, meanwhile: Callable[[], object] = nothing
) -> T:
    """Ask `condition` until it answers something true, and return that; fail after `deadline_s` seconds.

    `meanwhile` is called after each answer that was not.
    """
    deadline = time.monotonic() + deadline_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"still not so after {deadline_s} s: {condition}"
        meanwhile()
        time.sleep(POLL_S)
    return answer


def keep_new_queues(broker: DevBroker) -> None:
    """Make RabbitMQ note its quorum queues on disk now, so that a `kill -9` right after finds them again.

    By itself it does so about a second late; killed within that second, such a queue is lost for good: declared,
    without a leader, every publish nacked (seen with 3.10.8).
    """
    broker.ctl("eval", "[ok = dets:sync(Table) || Table <- dets:all()].")


def remake_virtual_hosts(broker: DevBroker, old: Iterable[str], new: Iterable[str]) -> None:
    """Delete virtual hosts with all that is in them, then make others, in one call."""
    deletions = [f'rabbit_vhost:delete(<<"{name}">>, <<"test">>)' for name in old]
    additions = [
        f'rabbit_vhost:add(<<"{name}">>, <<"test">>), rabbit_auth_backend_internal:set_permissions('
        f'<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)'
        for name in new
    ]
    broker.ctl("eval", f"{', '.join(deletions + additions)}.")


def forget_everything(broker: DevBroker) -> None:
    """Delete all that is declared in the first virtual host of a node or its cluster, and close its connections."""
    remake_virtual_hosts(broker, ["/"], ["/"])
