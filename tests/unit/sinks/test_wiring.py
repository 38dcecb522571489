"""How a sink is put together."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from logbus.config.settings import Broker
from logbus.errors import UsageError
from sinks.ledger.ledger import Ledger
from sinks.settings import Common, Plan
from sinks.wiring import run

if TYPE_CHECKING:
    from sinks.sink import SinkType


def test_a_sink_that_cannot_be_opened_leaves_its_ledger_closed(tmp_path: Path) -> None:
    """Its directory is not locked afterwards."""

    def refuse(*_: object) -> None:
        raise UsageError("open it", "it is impossible")

    sink_type = cast("SinkType", SimpleNamespace(open_sink=refuse))
    with pytest.raises(UsageError, match="impossible"):
        run(Plan("a", Broker(), tmp_path / "state", sink_type, msgspec.Struct(), Common("fixed")))
    Ledger(tmp_path / "state").close()
