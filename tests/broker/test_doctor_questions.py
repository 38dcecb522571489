"""What the doctors ask a real node: permissions, without any effect; and a node that stops answering in between."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import suppress

import pytest

from logbus.broker.session import Session, session
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker
from logbus.doctor import permissions
from logbus.doctor.broker import login
from logbus.doctor.verdicts import Check, Verdict, ok

pytestmark = pytest.mark.broker
USER = "doctor-asked"
PASSWORD = "secret"  # noqa: S105 - of a private node


@pytest.fixture
def allowed(broker: DevBroker, broker_url: str) -> Iterator[Broker]:
    """Give the settings of a user with a permission of each kind, and queues and exchanges to ask about."""
    vhost = broker_url.rpartition("/")[2]
    broker.ctl("add_user", USER, PASSWORD)
    broker.ctl("set_permissions", "-p", vhost, USER, "^mine(-new)?$", "^(mine|open)$", "^(mine|open)$")
    with session(Broker(url=broker_url), "test") as owner:
        for name in ("mine", "theirs"):
            owner.ask(lambda channel, name=name: channel.queue_declare(name, durable=True))  # type: ignore[misc]
        for name in ("open", "closed"):
            owner.ask(lambda channel, name=name: channel.exchange_declare(name, "fanout"))  # type: ignore[misc]
    yield Broker(url=broker_url.replace("guest:guest@", f"{USER}:{PASSWORD}@"))
    with suppress(Exception):
        broker.ctl("delete_user", USER)


def test_permissions_are_told_without_using_them(allowed: Broker, broker: DevBroker) -> None:
    """Each question is answered as RabbitMQ would decide, whether the thing exists or not, and nothing is changed."""
    vhost = allowed.endpoints()[0].vhost

    def standing() -> list[str]:
        kinds = (("list_queues", "name", "consumers", "arguments"), ("list_exchanges", "name"), ("list_bindings",))
        return [broker.ctl(*kind, "-p", vhost) for kind in kinds]

    before = standing()
    with session(allowed, "test") as link:
        assert (permissions.may_read(link, "mine"), permissions.may_read(link, "theirs")) == (True, False)
        assert (permissions.may_configure(link, "mine"), permissions.may_configure(link, "theirs")) == (True, False)
        assert permissions.may_configure(link, "mine-new")
        assert not permissions.may_read(link, "theirs-new")
        assert (permissions.may_write(link, "open"), permissions.may_write(link, "closed")) == (True, False)
        assert not permissions.may_write(link, "no-such-exchange")
        assert (permissions.may_bind(link, "mine", "open"), permissions.may_bind(link, "mine", "closed")) == (
            True,
            False,
        )
        assert not permissions.may_bind(link, "theirs", "open")
        assert link.depth("mine-new") is None
    assert standing() == before


def test_a_node_that_freezes_after_the_login(faulty_broker: DevBroker) -> None:
    """The first question without an answer is a problem, and no further one is asked."""
    asked: list[str] = []

    def questions(link: Session) -> Iterator[Check]:
        yield ok("a", "first", "answered")
        faulty_broker.pause()
        for name in ("logs.a", "logs.b"):
            asked.append(name)
            link.depth(name)

    where = Broker(url=faulty_broker.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a connection that does not answer is left to the collector
        found = list(login("area", where.endpoints()[0], where, questions))
        gc.collect()
    assert [(each.name, each.verdict) for each in found[-2:]] == [("first", Verdict.OK), ("questions", Verdict.PROBLEM)]
    assert asked == ["logs.a"]
    assert "3." in next(each.found for each in found if each.name == "version")
