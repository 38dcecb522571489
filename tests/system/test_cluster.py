"""A cluster of three nodes under load, of which one is killed. `make cluster` does the other faults."""

from pathlib import Path

import pytest

from support.clusterworld import good, play

pytestmark = [pytest.mark.broker, pytest.mark.system]


@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_killed_leader_loses_nothing_and_stalls_nobody_for_long(tmp_path: Path) -> None:
    """The node with the queue's leader is killed under 10,000 lines/s and started again: all lines arrive, once."""
    outcomes = play(tmp_path, seed=7, kills=1, others=())
    assert good(outcomes), "\n".join(map(str, outcomes))
