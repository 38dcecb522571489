"""Which verbs a process answers, and to whom. Decides; what a verb does is its own function's business."""

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Struct, field

from logbus.control.messages import CAUSE_MAX, Answer, decode_request
from logbus.errors import LogbusError, UsageError, describe, visible
from logbus.fleet.status import Status
from logbus.wire.message import Message

logger = logging.getLogger("logbus.control")

MOST_USERS: Final = 100
Mode = Literal["read", "write", "off"]
Users = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=255)]], msgspec.Meta(max_length=MOST_USERS)]


class Permission(Struct, frozen=True):
    """What others may do here: ask (`read`), also give orders if they are one of `users` (`write`), or nothing."""

    mode: Mode = "read"
    users: tuple[str, ...] = ()


READ: Final = Permission()


def permission_of(mode: Mode, users: list[str]) -> Permission:
    """Return what a configuration allows. Raises UsageError for keys that do not go together."""
    if mode == "write" and not users:
        raise UsageError("use control: write", "no user is named", "give control_users: [NAME], users of RabbitMQ")
    if users and mode != "write":
        raise UsageError("use control_users", f"control is {mode}", "set control: write, or remove control_users")
    return Permission(mode, tuple(users))


class Said(Struct, frozen=True):
    """What a verb answers: a text, or a status."""

    text: str = ""
    status: Status | None = None


Verb = Callable[[list[str]], Said]
"""Takes the arguments. Raises LogbusError, OSError, or ValueError for a path that cannot be one."""


class Verbs(Struct, frozen=True):
    """The verbs of one process: `questions` for anybody, `orders` for whom `permission` names."""

    describe: Callable[[], Status]
    permission: Permission = READ
    questions: Mapping[str, Verb] = field(default_factory=dict)
    orders: Mapping[str, Verb] = field(default_factory=dict)

    def answer(self, message: Message) -> Answer:
        """Return the answer to a message, whatever it holds."""
        try:
            return self._made(self._done(message))
        except LogbusError as error:
            return self._made(Said(), describe(error.cause) + (f" ({error.hint})" if error.hint else ""))
        except (OSError, ValueError) as error:
            return self._made(Said(), describe(error) or type(error).__name__)

    def _made(self, said: Said, cause: str = "") -> Answer:
        own = self.describe()
        cause = visible(cause)[:CAUSE_MAX]
        return Answer(own.host, own.role, own.instance, not cause, own.name, said.text, cause, said.status)

    def _done(self, message: Message) -> Said:
        request = decode_request(message)
        if request.verb in self.orders:
            self._permit(request.verb, message.user_id)
            order = visible(" ".join([request.verb, *request.arguments]))
            logger.info("order by %s: %s", visible(message.user_id), order)
            return self.orders[request.verb](request.arguments)
        if request.verb == "status":
            none_of(request.arguments)
            return Said(status=self.describe())
        if request.verb not in self.questions:
            known = ", ".join(sorted(["status", *self.questions, *self.orders]))
            raise _cannot(request.verb, f"there is no verb {request.verb}", f"it is one of {known}")
        return self.questions[request.verb](request.arguments)

    def _permit(self, verb: str, user_id: str | None) -> None:
        """Raise UsageError unless the user may give orders. RabbitMQ has checked that a stated user is the asker."""
        if self.permission.mode != "write":
            raise _cannot(verb, "orders are not allowed here", "set control: write and control_users on that host")
        if user_id is None:
            raise _cannot(verb, "the request states no user", "leave user_id of the broker as it is")
        if user_id not in self.permission.users:
            raise _cannot(verb, f"{user_id} may not give orders here", "add the user to control_users on that host")


def none_of(arguments: list[str]) -> None:
    """Raise UsageError if there are arguments for a verb that takes none."""
    if arguments:
        raise _cannot("answer", "the verb takes no argument")


def one_of(arguments: list[str], what: str) -> str:
    """Return the only argument. Raises UsageError if there is none, or another."""
    if len(arguments) != 1:
        raise _cannot("answer", f"the verb takes one argument: {what}")
    return arguments[0]


def _cannot(what: str, cause: str, hint: str = "") -> UsageError:
    return UsageError(what, cause, hint)
