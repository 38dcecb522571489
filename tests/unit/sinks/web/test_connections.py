"""How many connections there may be, and who counts as one address."""

import pytest

from sinks.web.http.connections import Limits, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::9", "2001:0db8:0001:0002"),
        ("fe80::1%eth0", "fe80:0000:0000:0000"),
        ("nowhere", "nowhere"),
    ],
)
def test_the_addresses_of_one_network_count_as_one(address: str, network: str) -> None:
    """IPv4 counts by address, also where IPv6 carries it; IPv6 by its network, all of which one may have."""
    assert network_of(address) == network


def test_connections_are_bounded_for_each_address_and_in_all() -> None:
    """Too many of one address, and too many of all, may not stay; what has left makes room, and is not remembered."""
    limits = Limits(per_address=2, total=3)
    assert [limits.admits("a") for _ in range(3)] == [True, True, False]
    limits.left("a")
    assert [limits.admits(each) for each in "bc"] == [True, False]
    for each in "aabc":
        limits.left(each)
    assert not limits.counts
    assert all(Limits(per_address=0, total=3).admits("a") for _ in range(3))
