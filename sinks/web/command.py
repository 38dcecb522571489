"""`logbus-sinks web`: the page, without a sinks.yml."""

import sys
from typing import Any, Final

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.later import later
from sinks.commands.configured import config_option, url_option
from sinks.web.settings import DEFAULT

run = later("sinks.wiring", "run")
ad_hoc_plan = later("sinks.settings", "ad_hoc_plan")
_line_for = later("sinks.web.http.passwords", "line_for")
"""Imported only where a password is hashed."""
EPILOG: Final = """
\b
Examples:
  logbus-sinks web
  logbus-sinks web --config sinks.yml --archive archive
  logbus-sinks web --password-for jo >> users
  logbus-sinks web --listen 0.0.0.0:9480 --name logs.example.com --users users --tls-cert c.pem --tls-key k.pem
"""
Given = dict[str, Any]


@click.command("web", cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@url_option
@logs.options
@click.option("--listen", default=DEFAULT, show_default=True, metavar="HOST:PORT", help="Where browsers connect.")
@click.option("--token-file", metavar="FILE", help="Only who knows the token in FILE may come in.")
@click.option("--users", metavar="FILE", help="The users in FILE may come in.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="How browsers call the page; may be repeated.")
@click.option("--tls-cert", metavar="FILE", help="The certificate, in PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key, in PEM.")
@click.option("--behind-proxy", is_flag=True, help="Browsers come through a proxy, which has TLS.")
@config_option
@click.option("--archive", "archives", multiple=True, metavar="NAME", help="Search only this file sink of --config.")
@click.option("--hosts", metavar="FILE", help="Remember in FILE the hosts that were seen; show those that are silent.")
@click.option("--password-for", metavar="USER", help="Print a line for --users; the password is read from stdin.")
@daemon.errors_to_exit_codes
def web(broker: str, log: logs.Wanted, password_for: str | None, **given: Any) -> int:  # noqa: ANN401 - click's own
    """Serve a page with live records, search and the fleet; leave nothing behind on the broker."""
    logs.configure("web", log)
    if password_for is not None:
        click.echo(_line_for(password_for, _password()))
        return 0
    return int(run(ad_hoc_plan("web", "web", _keys(given), broker)))


def _keys(given: Given) -> Given:
    """Return the settings that the flags mean."""
    config = given["config"]
    lists = {name: list(given[name]) for name in ("names", "archives")}
    return {**given, **lists, "config": None if config is None else str(config)}


def _password() -> str:
    """Return a password: typed twice on a terminal, or a line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(1 << 12).rstrip("\n")
