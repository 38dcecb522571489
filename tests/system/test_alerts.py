"""Alert sinks as daemons: with a broker, a shipper, `kill -9`, and a receiver that does not always work."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program, Start, Until
from support.receivers import Hook, mailbox, receiving

pytestmark = [pytest.mark.broker, pytest.mark.system]

YAML = """
state: {state}
sinks:
  alerts:
    type: alert
    commit_ms: 20
    to:
      chat: {{webhook: {{url: "{url}"}}}}
      post: {{mail: {{server: 127.0.0.1, port: {port}, tls: none, sender: a@example.org, recipients: [b@example.org]}}}}
    rules:
      - {{name: errors, min: err, group_by: [label], recover_s: 1d, to: [chat]}}
      - {{name: silent, label: backup, absent_s: 2s, to: [post]}}
"""


def config(tmp_path: Path, hook: Hook, port: int = 9) -> Path:
    """Return a configuration file."""
    path = tmp_path / "sinks.yml"
    text = YAML.format(state=tmp_path / "states", url=hook.url, port=port)
    path.write_text(f"broker: {{url: '${{LOGBUS_BROKER}}'}}{text}")
    return path


def running(start: Start, path: Path, url: str, eventually: Until) -> Program:
    """Start the alert sink, and wait until it is connected."""
    sink = start("sinks", "--config", path, "alerts", "--verbose", url=url)
    eventually(lambda: sink.says("connected"))
    return sink


def ship(start: Start, url: str, folder: Path, label: str) -> None:
    """Ship an error with a label."""
    source = folder / f"{label}.log"
    source.write_text("2026-11-24 11:04:05 ERROR no stock\n")
    assert start("shipper", "--once", "--host", "h", source, url=url).ends() == 0


def begun(hook: Hook) -> list[str]:
    """Return the labels of the incidents that were told."""
    return [each["label"] for each in hook.bodies if each["state"] == "begun"]


def state_in(folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what the sink remembers."""
    file = folder / "states/alerts/alerts.json"
    return json.loads(file.read_bytes()) if file.exists() else {"letters": [], "groups": []}


def test_an_error_and_silence_reach_people(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """An error by the webhook, a backup that did not run by mail, without a delivery."""
    with receiving() as hook, mailbox() as box:
        sink = running(start, config(tmp_path, hook, box.port), broker_url, eventually)
        ship(start, broker_url, tmp_path, "shop")
        eventually(lambda: begun(hook) == ["shop"])
        eventually(lambda: box.mails)
        assert sink.terminate() == 0
    assert box.mails[0]["Subject"] == "Logbus: [err] silent begun"
    assert hook.bodies[0]["sample"].endswith("ERROR no stock")


def test_no_message_is_lost_when_the_sink_is_killed(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """`kill -9` while the receiver fails, and while errors arrive: each incident is told, in the end, and once."""
    labels = [f"shop-{number}" for number in range(4)]
    with receiving() as hook:
        hook.answers += [500] * 10_000
        path = config(tmp_path, hook)
        sink = running(start, path, broker_url, eventually)
        for label in labels:
            ship(start, broker_url, tmp_path, label)
            sink.kill()
            sink = running(start, path, broker_url, eventually)
        eventually(lambda: len(state_in(tmp_path)["groups"]) == len(labels) + 1)
        sink.kill()
        hook.answers.clear()
        sink = running(start, path, broker_url, eventually)
        eventually(lambda: set(begun(hook)) == set(labels))
        eventually(lambda: not [each for each in state_in(tmp_path)["letters"] if each["to"] == "chat"])
        assert sink.terminate() == 0
        running(start, path, broker_url, eventually).terminate()
    assert sorted(begun(hook)) == labels
