"""`logbus-sinks ask`: a question or an order to the shipper or the sinks of a host, and what they answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.config.settings import Broker, load_document
from logbus.control.messages import Answer, Request, key_of
from logbus.errors import UsageError, visible
from sinks.fleet.asking import Heard, ask_all
from sinks.settings import Settings

URL: Final = Broker().url
VERBS: Final = ("status", "explain", "tail", "reload", "log-level")
EPILOG: Final = """
\b
Examples:
  logbus-sinks ask web-1 status
  logbus-sinks ask web-1 explain /var/log/app.log
  logbus-sinks ask web-1 tail /var/log/app.log 50
  logbus-sinks ask logs-1 --sink archive log-level debug 60
  logbus-sinks ask web-1 reload

\b
reload and log-level are orders: only where `control: write` names the user of --broker.

\b
Exit codes: 0 answered, 1 nobody answered or it was refused, 2 usage, 3 RabbitMQ refused us.
"""


@click.command("ask", cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.option("--broker", default=URL, envvar="LOGBUS_BROKER", metavar="URL", help="RabbitMQ. [env: LOGBUS_BROKER]")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A sinks.yml that says where it is.")
@click.option("--role", type=click.Choice(["shipper", "sink"]), help="Whom to ask.  [shipper]")
@click.option("--sink", default="", metavar="NAME", help="Ask only this sink.")
@click.option(
    "--timeout", default=5.0, show_default=True, type=click.FloatRange(0.1, 300), help="Seconds to wait for an answer."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per answer and line.")
@click.argument("host", metavar="HOST")
@click.argument("verb", type=click.Choice(VERBS))
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT]...")
@daemon.errors_to_exit_codes
def ask(  # noqa: PLR0913, PLR0917 - flags
    broker: str,
    config: Path | None,
    role: str | None,
    sink: str,
    timeout: float,
    as_json: bool,
    host: str,
    verb: str,
    arguments: tuple[str, ...],
) -> int:
    """Ask the shipper of HOST, or its sinks, and print what they answer."""
    logs.configure("ask")
    if sink and role == "shipper":
        raise UsageError("ask a shipper", "--sink names a sink", "leave out one of both")
    where = load_document(config).convert(Settings).broker if config else Broker(url=broker)
    key = key_of(host, "sink" if sink else role or "shipper", sink)
    heard = ask_all(where, key, Request(verb, list(arguments)), timeout)
    for each in heard:
        _show(each, as_json=as_json, alone=len(heard) == 1)
    if not heard:
        click.echo(f"no answer within {timeout:g} s", err=True)
    return int(not heard or not all(each.answer.ok for each in heard))


def _show(heard: Heard, *, as_json: bool, alone: bool) -> None:
    answer = heard.answer
    if as_json:
        click.echo(msgspec.json.encode({"user": heard.user_id, **msgspec.to_builtins(answer)}).decode())
        return
    who = visible(f"{answer.host} {answer.role} {answer.name}".strip())
    if not answer.ok:
        click.echo(f"{who}: {visible(answer.cause)}", err=True)
        return
    if not alone:
        click.echo(f"{who}:")
    for line in lines(answer):
        click.echo(line)


def lines(answer: Answer) -> Iterator[str]:
    """Yield what is printed of an answer, without control characters other than tabs."""
    for line in answer.text.split("\n") if answer.text else ():
        yield "\t".join(map(visible, line.split("\t")))
    if answer.status is not None:
        for name, value in msgspec.to_builtins(answer.status).items():
            for each in value if isinstance(value, list) and name != "severities" else [value]:
                yield f"{name}: {visible(_words(each))}"


def _words(value: object) -> str:
    return ", ".join(f"{name} {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)
