"""`logbus-sinks alert test`: send a test message to each destination of an alert sink, and say what came back."""

import time
from pathlib import Path

import click

import sinks.alert
from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.errors import UsageError, did_you_mean, visible
from sinks.alert.destinations import Destination
from sinks.alert.notices import Notice
from sinks.alert.sending.attempts import Attempts
from sinks.alert.sending.failures import NotSent
from sinks.alert.settings import destinations_of
from sinks.commands.configured import config_option, document_of, required
from sinks.settings import plan_of

CANNOT = "send a test message"
SAMPLE = "a record of yours would stand here"


@click.command("alert", cls=Command)
@config_option
@click.argument("action", type=click.Choice(["test"]))
@click.argument("name")
@click.argument("rule", required=False)
@daemon.errors_to_exit_codes
def alert(config: Path | None, action: str, name: str, rule: str | None) -> int:
    """Send a test message to each destination of the alert sink NAME, or of one RULE, and say what came back."""
    logs.configure(f"alert {action}")
    settings = alerts_of(required(config), name)
    notice = notice_for(settings, rule)
    failed = [to for to in destinations_of(settings, rule) if not _tried(to, settings.to[to], notice)]
    return 1 if failed else 0


def alerts_of(config: Path, name: str) -> sinks.alert.Settings:
    """Return the settings of the alert sink `name` of a sinks.yml. Raises UsageError if it is of another type."""
    plan = plan_of(document_of(config), name)
    if not isinstance(plan.settings, sinks.alert.Settings):
        raise UsageError(CANNOT, f"the sink {name} is of type {plan.common.type}", "name one of type alert")
    return plan.settings


def notice_for(settings: sinks.alert.Settings, name: str | None) -> Notice:
    """Return a test message as a rule words it, the first one for None. Raises UsageError if there is no such rule."""
    rules = {each.name: each for each in settings.rules}
    if name is not None and name not in rules:
        hint = did_you_mean(name, rules) or f"there is {', '.join(rules)}"
        raise UsageError(CANNOT, f"there is no rule {name!r}", hint)
    rule = rules[name] if name is not None else settings.rules[0]
    now_s = time.time()
    group = dict.fromkeys(rule.group_by, "test")
    return Notice(
        kind="test",
        rule=rule.name,
        severity=rule.severity,
        host="test",
        label="test",
        group=group,
        count=rule.count,
        first_s=now_s,
        last_s=now_s,
        sample=SAMPLE,
        absent_s=rule.absent_s,
        text=rule.text,
    )


def _tried(name: str, destination: Destination, notice: Notice) -> bool:
    """Send a test message, and print what came back; return True if it was sent."""
    try:
        said = Attempts(destination).send(notice)
    except NotSent as error:
        click.echo(visible(f"{name}: not sent: {error.cause}"))
        return False
    click.echo(visible(f"{name}: sent to {destination.shown()}: {said}"))
    return True
