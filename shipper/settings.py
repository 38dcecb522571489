"""The settings of config/shipper.yml: strict, typed, with every default in one place."""

import functools
import os
import socket
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec

from logbus.config.settings import Broker
from logbus.control.verbs import Mode, Permission, Users, permission_of
from logbus.errors import UsageError
from logbus.telemetry.address import address_of
from shipper.expectations import Case
from shipper.path_fields import check, path_fields
from shipper.records.rules import Rules

FIELDS_BYTES = 16 * 1024

Positive = Annotated[int, msgspec.Meta(gt=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
MOST_AGE_S = 36_525 * 86_400
"""A hundred years: beyond the age of any log."""

Name = Annotated[str, msgspec.Meta(max_length=63)]
"""A host or a label: at most 255 bytes on the wire, whatever its characters."""


class Input(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files to ship, and the rules for their records."""

    paths: Annotated[list[Text], msgspec.Meta(min_length=1)]
    exclude: list[Text] = msgspec.field(default_factory=list)
    include_compressed: bool = False
    label: Name = ""
    start: Literal["start", "end"] = "start"
    ignore_older: Annotated[float, msgspec.Meta(gt=0, le=MOST_AGE_S)] | None = None
    fields: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    path_fields: str = ""

    def __post_init__(self) -> None:
        """Check what types cannot express. Raises UsageError."""
        super().__post_init__()
        size = sum(len(text.encode("utf-8", "replace")) for pair in self.fields.items() for text in pair)
        if size > FIELDS_BYTES:
            raise UsageError("use the fields", f"the fields take {size} bytes in total, at most {FIELDS_BYTES}")
        if self.path_fields:
            check(self.path_fields)

    def fields_of(self, path: str) -> Mapping[str, str]:
        """Return the fields of a file's batches: the input's, and those that `path_fields` finds in its path."""
        return path_fields(self.path_fields, path, self.fields) if self.path_fields else self.fields

    @property
    def name(self) -> str:
        """What this input is called in metrics: its label, or else its first path."""
        return self.label or self.paths[0]

    def label_of(self, path: str) -> str:
        """Return the label of a file: the input's, or else the file's base name up to its first dot."""
        return self.label or _first_word(path)


@functools.lru_cache(1024)
def _first_word(path: str) -> str:
    name = os.fsencode(PurePath(path).name).decode(errors="replace")
    return name.split(".", 1)[0] or name.strip(".") or "log"


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of what is published and not yet confirmed: batches, and bytes of the files.

    Only as much is in flight as rate and round trip need, see `logbus.broker.publishing.window`. The bytes bound the
    memory.
    """

    batches: Positive = 4096
    bytes: Positive = 64 * 1024 * 1024


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration of a shipper."""

    inputs: list[Input] = []
    broker: Broker = Broker()
    host: Name = ""
    state: str = ""
    window: Window = Window()
    scan_interval_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    watch: Literal["auto", "poll"] = "auto"
    hold_deleted_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    forget_after_days: Annotated[int, msgspec.Meta(ge=1)] = 30
    metrics: str = ""
    drain_timeout_s: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    control: Mode = "read"
    control_users: Users = []
    tests: list[Case] = []

    def __post_init__(self) -> None:
        """Check the address of the metrics, and what control allows. Raises UsageError."""
        permission_of(self.control, self.control_users)
        if self.metrics:
            address_of(self.metrics)

    @property
    def permission(self) -> Permission:
        """What others may ask and order over RabbitMQ."""
        return permission_of(self.control, self.control_users)

    def private_files(self) -> list[str]:
        """Return the files and directories that are never shipped, whichever input names them: secrets and state."""
        keys = [each.redact.key_file for each in self.inputs if each.redact]
        return [each for each in (self.broker.password_file, self.broker.key_file, *keys, self.state) if each]

    def host_name(self) -> str:
        """Return the host that batches carry."""
        return self.host or socket.gethostname()
