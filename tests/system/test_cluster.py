"""A cluster of three nodes under load: the short form of `make cluster`."""

from pathlib import Path

import pytest

from support.clusterworld import good, play

pytestmark = [pytest.mark.broker, pytest.mark.system]


@pytest.mark.alone
@pytest.mark.timeout(900)
def test_killed_nodes_lose_nothing_and_stall_nobody_for_long(tmp_path: Path) -> None:
    """A leader and a follower are killed, a leader frozen, the majority killed under 10,000 lines/s: all lines once."""
    outcomes = play(tmp_path, seed=7, kills=1)
    assert good(outcomes), "\n".join(map(str, outcomes))
