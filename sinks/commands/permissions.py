r"""Users, tags and permissions of every role: for `rabbitmqctl`, or as definitions to import. Pure.

RabbitMQ checks three regular expressions against the names of exchanges and queues (https://www.rabbitmq.com/docs/
access-control): *configure* to declare and delete, *write* to publish, to bind to a queue and to dead-letter, *read* to
consume and to bind from an exchange. The smallest sets were found by trial on RabbitMQ 3.10.8;
`tests/broker/test_least_privilege.py` proves that each is enough, and what it forbids.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from logbus.broker.topology import ANSWERS, CONTROL, DEAD, DRAIN, FOREIGN, LOGS, STATUS, TOPIC, UNMATCHED
from sinks.settings import Plan
from sinks.sink import bindings_of, hears_fleet
from sinks.wiring import queue_of

SHIPPER: Final = "logbus-shipper"
CONSOLE: Final = "logbus-console"
FLEET: Final = "logbus-fleet"
ASKERS: Final = "logbus-control"
WEB: Final = "logbus-web"
OPERATOR: Final = "logbus-operator"
DEAD_LETTERS: Final = "logbus-dead-letters"
MONITORING: Final = "monitoring"
"""The tag of users who may ask the management plugin how full queues are."""
DEFAULT: Final = "amq.default"
"""RabbitMQ's name for the exchange without a name, through which a letter goes back to its queue."""
NOTHING: Final = "^$"
_EVERYTHING: Final = rf"^{LOGS}(\..+)?$"
_CONSOLES: Final = rf"^{LOGS}\.console\.[0-9a-f]+$"
_WATCHERS: Final = rf"^{LOGS}\.fleet\.[0-9a-f]+$"
_ASKERS: Final = rf"^{LOGS}\.answers\.[0-9a-f]+$"
_ASKED: Final = rf"{LOGS}\.control\..+"
"""The queues of processes that answer."""
_PAGES: Final = rf"^{LOGS}\.(web|fleet)\.[0-9a-f]+$"


class Role(Struct, frozen=True):
    """A user, what it is for, its three regular expressions, and its tags."""

    user: str
    purpose: str
    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    tags: tuple[str, ...] = ()


def roles(plans: Iterable[Plan], shipper: str = SHIPPER, *, applied: bool = False, control: bool = False) -> list[Role]:
    """Return the role of shippers, each sink, consoles, fleet watchers, pages, whoever requeues, and operators.

    `applied`: `topology apply` has declared what the sinks need, so that they need not be allowed to. `control`:
    shippers and sinks may answer requests, and there is a user who may ask.
    """
    daemons = [
        Role(shipper, "shippers: publish lines and their own status, and nothing else", write=_one_of(LOGS, STATUS)),
        *(_sink(plan, applied=applied) if plan.state else _passing(plan) for plan in plans),
    ]
    return [
        *(map(_asked, daemons) if control else daemons),
        Role(
            CONSOLE,
            "consoles, for people",
            _CONSOLES,
            _CONSOLES,
            rf"^({_escaped(LOGS, TOPIC, FOREIGN)}|{_CONSOLES[1:-1]})$",
        ),
        Role(FLEET, "sinks fleet, for people", _WATCHERS, _WATCHERS, rf"^({_escaped(STATUS)}|{_WATCHERS[1:-1]})$"),
        *([_asker()] if control else []),
        Role(WEB, "sinks web, without a sinks.yml", _PAGES, _PAGES, rf"^({_escaped(LOGS, STATUS)}|{_PAGES[1:-1]})$"),
        Role(DEAD_LETTERS, "sinks dead", write=_one_of(DEFAULT), read=_one_of(DEAD)),
        Role(OPERATOR, "sinks topology", _EVERYTHING, _EVERYTHING, _EVERYTHING, (MONITORING,)),
    ]


def _asker() -> Role:
    write, read = (rf"^({_escaped(exchange)}|{_ASKERS[1:-1]})$" for exchange in (CONTROL, ANSWERS))
    return Role(ASKERS, "sinks ask, for people", _ASKERS, write, read)


def _asked(role: Role) -> Role:
    """Return a daemon's role that may also have a queue for requests, and answer them."""
    return replace(
        role,
        configure=_also(role.configure, _ASKED),
        write=_also(role.write, _escaped(ANSWERS), _ASKED),
        read=_also(role.read, _escaped(CONTROL), _ASKED),
    )


def _also(expression: str, *more: str) -> str:
    """Return the expression for what one allows, and more."""
    known = [] if expression == NOTHING else [expression.removeprefix("^").removesuffix("$")]
    known = [each[1:-1] if each.startswith("(") else each for each in known]
    parts = [*known, *more]
    return f"^{parts[0]}$" if len(parts) == 1 else f"^({'|'.join(parts)})$"


def _sink(plan: Plan, *, applied: bool) -> Role:
    queue = queue_of(plan).name
    user, purpose = f"logbus-sink-{plan.name}", f"the sink {plan.name}"
    if applied:
        return Role(user, purpose, write=_one_of(DEAD, STATUS), read=_one_of(queue))
    if not bindings_of(plan.sink_type, plan.settings):
        return Role(user, purpose, _one_of(queue), _one_of(queue, DEAD, STATUS), _one_of(LOGS, queue))
    sources = (TOPIC, FOREIGN, UNMATCHED, queue)
    return Role(user, purpose, _one_of(queue, UNMATCHED), _one_of(queue, DEAD, DRAIN, STATUS), _one_of(*sources))


def _passing(plan: Plan) -> Role:
    """Return the role of a sink without state, whose queues end with it; one that shows the fleet hears it, too."""
    hears, selects = (ask(plan.sink_type, plan.settings) for ask in (hears_fleet, bindings_of))
    names = f"({plan.name}|fleet)" if hears else plan.name
    own = rf"^{LOGS}\.{names}\.[0-9a-f]+$"
    sources = ((TOPIC, FOREIGN) if selects else (LOGS,)) + ((STATUS,) if hears else ())
    purpose = f"the sink {plan.name}, which leaves nothing behind"
    return Role(f"logbus-sink-{plan.name}", purpose, own, own, f"^({_escaped(*sources)}|{own[1:-1]})$")


def _one_of(*names: str) -> str:
    """Return the expression for these names and no others."""
    return f"^{_escaped(names[0])}$" if len(names) == 1 else f"^({_escaped(*names)})$"


def _escaped(*names: str) -> str:
    return "|".join(re.escape(name).replace(r"\-", "-") for name in names)


def as_commands(found: Iterable[Role], vhost: str) -> Iterator[str]:
    """Yield a script for a shell: users whose passwords rabbitmqctl asks for, their tags and permissions."""
    for role in found:
        yield f"# {role.purpose}"
        yield shlex.join(["rabbitmqctl", "add_user", role.user])
        if role.tags:
            yield shlex.join(["rabbitmqctl", "set_user_tags", role.user, *role.tags])
        allowed = (role.configure, role.write, role.read)
        yield shlex.join(["rabbitmqctl", "set_permissions", "-p", vhost, role.user, *allowed])


def as_definitions(found: Iterable[Role], vhost: str) -> str:
    """Return definitions for `rabbitmqctl import_definitions`; the users have no password, so none can log in by one.

    A user who is there already loses the password.
    """
    some = list(found)
    users = [{"name": each.user, "password_hash": "", "tags": ",".join(each.tags)} for each in some]
    permissions = [
        {"user": each.user, "vhost": vhost, "configure": each.configure, "write": each.write, "read": each.read}
        for each in some
    ]
    definitions: Mapping[str, object] = {
        "vhosts": [{"name": vhost}],
        "users": users,
        "permissions": permissions,
    }
    return json.dumps(definitions, indent=2)
