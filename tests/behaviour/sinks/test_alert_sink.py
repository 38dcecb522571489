"""The alert sink and the runner: what deliveries, time, crashes and a full disk make of messages to real servers."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from logbus.batch import Batch, Lengths
from logbus.errors import OutputError, StateError, UsageError
from sinks import severity
from sinks.alert import Settings, open_sink
from sinks.alert.memory import FILE_NAME
from sinks.alert.notices import Notice
from sinks.alert.sending.attempts import Attempts
from sinks.alert.sink import Alert
from sinks.sink import Context, Sink
from support import nothing, wait_until
from support.receivers import Hook, receiving
from support.stages import Stage

ERRORS = {"name": "errors", "min": "err", "recover_s": 600}
START_S = 1_795_490_466.0


class Clock:
    """Seconds since 1970, which pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Give an HTTP receiver."""
    with receiving() as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def settings(hook: Hook, *rules: dict[str, object], **other: object) -> Settings:
    """Return settings that send to the receiver."""
    to = {"ops": {"webhook": {"url": hook.url}}}
    return msgspec.convert({"rules": list(rules or (ERRORS,)), "to": to, **other}, Settings)


def alert_in(folder: Path, settings: Settings, clock: Clock) -> Alert:
    """Return an alert sink whose time passes by `tick` only."""
    folder.mkdir(exist_ok=True)
    return Alert(settings, folder, {name: Attempts(each).send for name, each in settings.to.items()}, clock)


def states(hook: Hook) -> list[str]:
    """Return what the receiver was told, in a word each."""
    return [each["state"] for each in hook.bodies]


def batch(body: bytes = b"no stock\n", level: bytes = b"3", host: str = "web-1", label: str = "app") -> Batch:
    """Return a batch whose records have one level."""
    return Stage.batch(body, levels=level * body.count(b"\n"), host=host, label=label)


def of_team(name: str) -> Batch:
    """Return a batch that an operator gave a label."""
    return Stage.batch(b"no stock\n", levels=b"3", fields={"team": name})


def make(settings: Settings) -> Callable[[Context], Sink]:
    """Return what opens an alert sink."""
    return lambda context: open_sink(settings, context)


def test_an_error_is_a_message_and_the_batch_is_acknowledged(stage: Stage, hook: Hook) -> None:
    """By the runner, as with any sink; records below the rule's severity are none."""
    runner = stage.start(make_sink=make(settings(hook)))
    stage.queue.put(stage.batch(b"fine\nno stock\n", levels=b"63"))
    runner.step(0.0)
    runner.step(1.0)
    assert stage.queue.unacked == 0
    wait_until(lambda: states(hook) == ["begun"])
    assert (hook.bodies[0]["sample"], hook.bodies[0]["host"]) == ("no stock", "web-1")


def test_nothing_is_sent_before_it_is_saved(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """A message that was sent and forgotten would come again with each restart."""
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    sink.tick()
    assert hook.asked == []
    sink.commit()
    assert b"no stock" in (tmp_path / FILE_NAME).read_bytes()
    wait_until(lambda: states(hook) == ["begun"])
    sink.close()


@pytest.mark.parametrize(
    ("rule", "batches"),
    [
        ({"severities": ["crit"]}, (batch(level=b"2"), batch(level=b"3"))),
        ({"host": "web-*"}, (batch(), batch(host="db-1"))),
        ({"label": "app"}, (batch(), batch(label="shop"))),
        ({"pattern": "(?i)NO stock"}, (batch(), batch(b"stock\n"))),
        ({"where": {"status": "5*"}}, (batch(b"msg=x status=503\n"), batch(b"msg=x status=200\n"))),
        ({"where": {"fields.team": "shop"}}, (of_team("shop"), of_team("ops"))),
    ],
)
def test_a_rule_counts_what_matches_all_of_it(
    tmp_path: Path, hook: Hook, clock: Clock, rule: dict[str, object], batches: tuple[Batch, Batch]
) -> None:
    """Severity, host, label, pattern, fields and the operator's labels."""
    wanted, unwanted = batches
    sink = alert_in(tmp_path, settings(hook, {"name": "it", **rule}), clock)
    sink.write(unwanted)
    sink.commit()
    assert not (tmp_path / FILE_NAME).exists()
    sink.write(wanted)
    sink.commit()
    wait_until(lambda: hook.bodies)
    assert hook.bodies[0]["sample"] == wanted.body.decode().strip()
    sink.close()
    assert len(hook.bodies) == 1


def test_records_that_were_dropped_on_purpose_are_none(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """Of those, only the position is in the batch."""
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(Stage.batch(b"no stock\n", levels=b"33", lengths=Lengths.of(((0, 5), (9, 9))), end=14))
    sink.commit()
    wait_until(lambda: hook.bodies)
    assert hook.bodies[0]["count"] == 1
    sink.close()


def test_silence_is_noticed_while_nothing_arrives(tmp_path: Path, hook: Hook) -> None:
    """By itself: no delivery is needed for that."""
    sink = open_sink(
        settings(hook, {"name": "silent", "absent_s": 1}), Context("test", tmp_path, lambda _output, _mark: None)
    )
    wait_until(lambda: states(hook) == ["begun"])
    sink.write(batch())
    sink.commit()
    wait_until(lambda: states(hook)[:2] == ["begun", "over"])
    sink.close()


def test_an_incident_survives_a_restart(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """It is not told again, and its end is."""
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    sink.commit()
    wait_until(lambda: states(hook) == ["begun"])
    sink.close()
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    sink.commit()
    clock.now_s += 601.0
    sink.tick()
    wait_until(lambda: len(hook.bodies) > 1)
    sink.close()
    assert states(hook) == ["begun", "over"]


def test_what_could_not_be_sent_is_sent_after_a_restart(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """A webhook that fails for now loses no message when the sink is killed meanwhile."""
    hook.answers += [500] * 1000
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    sink.commit()
    wait_until(lambda: hook.asked)
    abandoned = (tmp_path / FILE_NAME).read_bytes()  # what `kill -9` leaves
    sink.close()
    hook.answers.clear()
    (tmp_path / FILE_NAME).write_bytes(abandoned)
    sink = alert_in(tmp_path, settings(hook), clock)
    wait_until(lambda: states(hook) == ["begun"])
    sink.close()


def test_what_was_sent_is_not_sent_again(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """Once that is saved, which takes a second at most."""
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    sink.commit()

    def nothing_waits() -> bool:
        sink.tick()
        return b'"letters":[]' in (tmp_path / FILE_NAME).read_bytes()

    wait_until(nothing_waits)
    sink.close()
    alert_in(tmp_path, settings(hook), clock).close()
    assert states(hook) == ["begun"]


def test_a_crash_before_the_commit_counts_nothing_twice(stage: Stage, hook: Hook) -> None:
    """Nine records that come again are nine, and no incident of ten."""
    rule = {"name": "many", "count": 10, "within_s": 3600}
    stage.start(make_sink=make(settings(hook, rule))).step(0.0)
    stage.queue.put(batch(b"no stock\n" * 9))
    stage.start(make_sink=make(settings(hook, rule))).step(0.0)
    stage.queue.reconnect()
    runner = stage.start(make_sink=make(settings(hook, rule)))
    runner.step(0.0)
    runner.step(1.0)
    (group,) = msgspec.json.decode((stage.root / "state" / FILE_NAME).read_bytes())["groups"]
    assert group["count"] == 9


def test_a_full_disk_is_waited_for(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """The commit fails, and what is delivered again counts once."""
    rule = {"name": "many", "count": 10, "within_s": 3600}
    sink = alert_in(tmp_path, settings(hook, rule), clock)
    draft = tmp_path / "alerts.new"
    draft.mkdir()  # in the way, as a disk without room would be
    sink.write(batch(b"no stock\n" * 9))
    with pytest.raises(OutputError, match="save"):
        sink.commit()
    draft.rmdir()
    sink.write(batch(b"no stock\n" * 9))
    sink.commit()
    (group,) = msgspec.json.decode((tmp_path / FILE_NAME).read_bytes())["groups"]
    assert group["count"] == 9
    sink.close()


def test_a_storm_is_never_more_than_the_limit(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """500 hosts fail within a minute: nine messages, and one that tells of the other 491."""
    found = settings(hook, {**ERRORS, "group_by": ["host"]}, most_per_hour=10)
    sink = alert_in(tmp_path, found, clock)
    for number in range(500):
        clock.now_s += 0.1
        sink.write(batch(host=f"web-{number}"))
        sink.commit()
        sink.tick()
    clock.now_s += 61.0
    sink.tick()
    wait_until(lambda: len(hook.bodies) >= 10)
    sink.close()
    assert states(hook) == ["begun"] * 9 + ["summary"]
    assert hook.bodies[-1]["count"] == 491


def test_each_destination_gets_its_own_rules(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """One that is down holds up no other."""
    with receiving() as other:
        other.answers += [500] * 1000
        to = {"ops": {"webhook": {"url": hook.url}}, "down": {"webhook": {"url": other.url}}}
        rules = [{"name": "both"}, {"name": "ops", "to": ["ops"]}]
        sink = alert_in(tmp_path, msgspec.convert({"rules": rules, "to": to}, Settings), clock)
        sink.write(batch())
        sink.commit()
        wait_until(lambda: len(hook.bodies) == 2)
        wait_until(lambda: other.asked)
        sink.close()
    assert [each["rule"] for each in hook.bodies] == ["both", "ops"]
    assert other.bodies == []


def test_what_is_remembered_and_damaged_is_set_aside(
    tmp_path: Path, hook: Hook, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning; the sink begins anew."""
    (tmp_path / FILE_NAME).write_bytes(b'{"version": 1, "groups": [{"rule"')
    with caplog.at_level(logging.WARNING):
        alert_in(tmp_path, settings(hook), clock).close()
    assert "what the alert sink remembers is damaged" in caplog.text
    assert len(list(tmp_path.glob("alerts.corrupt-*"))) == 1


def test_the_state_of_a_newer_logbus_is_refused(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """It may mean something else there."""
    (tmp_path / FILE_NAME).write_bytes(b'{"version": 2}')
    with pytest.raises(StateError, match="upgrade Logbus"):
        alert_in(tmp_path, settings(hook), clock)


def test_no_link_is_followed_for_the_state(tmp_path: Path, hook: Hook, clock: Clock) -> None:
    """Nobody makes the sink write elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "alerts.new").symlink_to(elsewhere)
    sink = alert_in(tmp_path, settings(hook), clock)
    sink.write(batch())
    with pytest.raises(OutputError):
        sink.commit()
    sink.close()
    assert elsewhere.read_text() == "mine"


def test_it_refuses_to_start_without_its_secrets(tmp_path: Path) -> None:
    """With the exit code of a configuration that must change."""
    found = msgspec.convert(
        {"rules": [{"name": "a"}], "to": {"ops": {"webhook": {"url_file": str(tmp_path / "none")}}}}, Settings
    )
    with pytest.raises(UsageError, match="url_file"):
        open_sink(found, Context("test", tmp_path, lambda _output, _mark: nothing()))


def test_it_works_behind_a_severity_sink(stage: Stage, hook: Hook) -> None:
    """As any sink: what is selected there, the rules see."""
    write = {"type": "alert", "rules": [{"name": "all"}], "to": {"ops": {"webhook": {"url": hook.url}}}}
    outer = msgspec.convert({"min": "err", "write": write}, severity.Settings)
    runner = stage.start(make_sink=lambda context: severity.open_sink(outer, context))
    stage.queue.put(stage.batch(b"fine\nno stock\n", levels=b"63"))
    runner.step(0.0)
    runner.step(1.0)
    wait_until(lambda: states(hook) == ["begun"])
    assert (hook.bodies[0]["count"], hook.bodies[0]["sample"]) == (1, "no stock")


def test_it_ends_in_time_while_a_server_hangs(tmp_path: Path, clock: Clock) -> None:
    """Whatever the number of destinations; what they did not take is remembered."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    def hang(_notice: Notice) -> str:
        asked.release()
        go_on.wait()
        return ""

    names = [f"slow-{number}" for number in range(5)]
    to = {name: {"command": ["/bin/true"]} for name in names}
    (tmp_path / "state").mkdir()
    found = msgspec.convert({"rules": [ERRORS], "to": to}, Settings)
    sink = Alert(found, tmp_path / "state", dict.fromkeys(names, hang), clock)
    sink.write(batch())
    sink.commit()
    for _ in names:
        assert asked.acquire(timeout=30.0)
    begin_s = time.monotonic()
    sink.close()
    assert time.monotonic() - begin_s < 15.0
    assert len(msgspec.json.decode((tmp_path / "state" / FILE_NAME).read_bytes())["letters"]) == 5
    go_on.set()
