"""Why a message was not sent."""

from logbus.errors import LogbusError


class NotSent(LogbusError):  # noqa: N818 - as in logbus.errors
    """A message was not sent because of `cause`; `final`: it never will be, so that trying again is in vain."""

    def __init__(self, cause: object, *, final: bool = False) -> None:
        super().__init__("send the message", cause)
        self.final = final
