"""`logbus-sinks alert test`, and what `--check` says of an alert sink."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sinks.__main__ import cli
from support.receivers import receiving

YAML = """
state: {state}
sinks:
  screen: {{type: console}}
  alerts:
    type: alert
    to:
      chat: {{webhook: {{shape: slack, url_file: {url}}}}}
      pager: {{command: [/bin/sh, -c, "echo no pager; exit 3"]}}
    rules:
      - {{name: errors, min: err, to: [chat], text: "{{rule}}: {{sample}}"}}
      - {{name: silent, absent_s: 1h}}
"""


def sinks(*arguments: str | Path) -> Result:
    """Run the command line."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture
def url(tmp_path: Path) -> Path:
    """Return the file of a webhook's URL."""
    path = tmp_path / "url"
    path.write_text("http://127.0.0.1:1/T0SECRET")
    path.chmod(0o600)
    return path


@pytest.fixture
def config(tmp_path: Path, url: Path) -> Path:
    """Return a configuration file."""
    path = tmp_path / "sinks.yml"
    path.write_text(YAML.format(state=tmp_path / "states", url=url))
    return path


def test_a_test_message_is_sent_to_a_rules_destinations(config: Path, url: Path) -> None:
    """In its words, and what came back is printed."""
    with receiving() as hook:
        url.write_text(hook.url)
        shown = sinks("alert", "test", "--config", config, "alerts", "errors")
    assert (shown.exit_code, shown.stdout) == (0, "chat: sent to a webhook (slack): status 200\n")
    assert hook.bodies[0]["text"] == "Only a test: errors: a record of yours would stand here"


def test_without_a_rule_each_destination_is_tried(config: Path, url: Path) -> None:
    """One that fails is told with its reason, and the others are tried as well."""
    with receiving() as hook:
        url.write_text(hook.url)
        shown = sinks("alert", "test", "--config", config, "alerts")
    assert shown.exit_code == 1
    assert "chat: sent to" in shown.stdout
    assert "pager: not sent: /bin/sh ended with 3: no pager" in shown.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("alerts", "erors"), "did you mean errors?"),
        (("screen",), "is of type console"),
        (("alert",), "there is no sink 'alert': did you mean alerts?"),
    ],
)
def test_what_there_is_not_is_an_error(config: Path, words: tuple[str, ...], said: str) -> None:
    """With what was probably meant."""
    shown = sinks("alert", "test", "--config", config, *words)
    assert shown.exit_code == 2
    assert said in shown.stderr


def test_check_lists_rules_and_destinations_without_secrets(config: Path) -> None:
    """And how the queue is bound."""
    shown = sinks("--config", config, "alerts", "--check")
    assert shown.exit_code == 0
    assert "alerts: an alert sink, bound to everything" in shown.stdout
    assert "rule silent: no record for 3600 s, to chat, pager" in shown.stdout
    assert "to chat: a webhook (slack)" in shown.stdout
    assert "T0SECRET" not in shown.output


def test_check_reads_the_secrets(config: Path, url: Path) -> None:
    """One that everybody may read is refused."""
    url.chmod(0o644)
    shown = sinks("--config", config, "alerts", "--check")
    assert shown.exit_code == 2
    assert "every user may read or write url_file" in shown.stderr
    assert "T0SECRET" not in shown.output
