"""Who is answered what: questions by anybody, orders by whom the configuration names."""

import logging
from collections.abc import Callable, Iterator

import pytest

from logbus.control.messages import Request, encode_request
from logbus.control.orders import LogLevel, reloading
from logbus.control.verbs import Permission, Said, Verbs, permission_of
from logbus.errors import UsageError
from logbus.fleet.status import Status
from logbus.wire.message import Message

STATUS = Status("web-1", "shipper", "a1", 1, 2)


def asks(verb: str, *arguments: str, user: str | None = "ops") -> Message:
    """Return a request of a user."""
    return encode_request(Request(verb, list(arguments)), "k", "q", "t", user)


def told(given: list[str]) -> Said:
    """Answer with the arguments."""
    return Said(" ".join(given))


def verbs(permission: Permission) -> Verbs:
    """Return a process with a question and an order."""
    return Verbs(lambda: STATUS, permission, {"tail": told}, {"obey": told})


def test_questions_are_answered_to_anybody() -> None:
    """Neither a user nor a permission is needed for them."""
    assert verbs(Permission()).answer(asks("tail", "a", "b", user=None)).text == "a b"
    assert verbs(Permission()).answer(asks("status", user=None)).status == STATUS


@pytest.mark.parametrize(
    ("permission", "user", "cause"),
    [
        (Permission(), "ops", "orders are not allowed here"),
        (Permission("write", ("ops",)), "eve", "eve may not give orders here"),
        (Permission("write", ("ops",)), None, "the request states no user"),
    ],
)
def test_an_order_is_refused(permission: Permission, user: str | None, cause: str) -> None:
    """Without write, by somebody else, or by nobody: nothing is done."""
    found = verbs(permission).answer(asks("obey", user=user))
    assert not found.ok
    assert found.cause.startswith(cause)


def test_an_order_is_obeyed_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Who gave it is in the log, on one line whatever it holds."""
    caplog.set_level(logging.INFO)
    assert verbs(Permission("write", ("ops",))).answer(asks("obey", "a\nb")).text == "a\nb"
    assert "order by ops: obey a\\nb" in caplog.text


def test_a_verb_that_there_is_not() -> None:
    """The cause names those that there are."""
    found = verbs(Permission()).answer(asks("reboot"))
    assert found.cause == "there is no verb reboot (it is one of obey, status, tail)"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("embedded null byte"), OSError()])
def test_a_verb_that_fails_is_answered(error: Exception) -> None:
    """The daemon goes on, and who asked is told why."""

    def fail(_: list[str]) -> Said:
        raise error

    found = Verbs(lambda: STATUS, Permission(), {"tail": fail}).answer(asks("tail"))
    assert not found.ok
    assert found.cause


def test_what_is_no_request_is_answered() -> None:
    """A message of another type gets its cause."""
    assert "its type is not" in verbs(Permission()).answer(Message(body=b"{}", type="hello")).cause


@pytest.mark.parametrize(("mode", "users"), [("write", []), ("read", ["ops"]), ("off", ["ops"])])
def test_keys_that_do_not_go_together(mode: str, users: list[str]) -> None:
    """Orders by nobody, and users without orders, are mistakes."""
    with pytest.raises(UsageError):
        permission_of(mode, users)  # type: ignore[arg-type] # one of the three


def test_without_a_configuration_nothing_is_reloaded() -> None:
    """SIGHUP would end such a process."""
    with pytest.raises(UsageError, match="without --config"):
        reloading(None)([])


def test_an_invalid_configuration_is_told() -> None:
    """What is wrong with it is the answer, and no signal is raised."""

    def check() -> object:
        raise UsageError("use it", "line 3: nonsense")

    with pytest.raises(UsageError, match="line 3"):
        reloading(check)([])


@pytest.fixture
def level() -> Iterator[Callable[[], int]]:
    """Return what tells the level of the log, which is set back afterwards."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.WARNING)
    yield lambda: root.level
    root.setLevel(before)


def test_the_log_level_for_a_time(level: Callable[[], int]) -> None:
    """It ends after its time, unless a later order holds."""
    waiting: list[tuple[float, Callable[[], None]]] = []
    order = LogLevel(lambda delay_s, call: waiting.append((delay_s, call)))
    order(["debug", "60"])
    order(["info", "5"])
    (first_s, first), (_, second) = waiting
    first()
    assert (first_s, level()) == (60, logging.INFO)
    second()
    assert level() == logging.WARNING


def test_the_log_level_for_good(level: Callable[[], int]) -> None:
    """Without a time, nothing sets it back."""
    waiting: list[float] = []
    LogLevel(lambda delay_s, _: waiting.append(delay_s))(["error"])
    assert (level(), waiting) == (logging.ERROR, [])


@pytest.mark.parametrize("given", [[], ["loud"], ["debug", "0"], ["debug", "soon"], ["debug", "1", "2"], ["info", "²"]])
def test_mistakes_of_log_level(given: list[str]) -> None:
    """No level, no time, and too much are told, and change nothing."""
    with pytest.raises(UsageError):
        LogLevel(lambda *_: None)(given)
