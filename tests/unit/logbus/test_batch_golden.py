"""Messages of version 1 as they were when it was made: what is stored in queues and archives is read for ever.

A failure here means that the wire format changed. That is a new version, with a new `type`; these files stay.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from logbus import VERSION
from logbus.batch import Batch, Lengths, Message, decode, encode
from logbus.wire.times import Times

ADDED = {"fields_json"}
"""Headers that version 1 did not have at first: readers from before ignore them."""
REPLAYED = "fields-as-text"
"""What a stream of RabbitMQ keeps of a message: no table."""
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def header_of(typed: dict[str, Any]) -> object:
    """Return a header value written as {"text": ...}, {"bytes": hex}, {"int": ...}, {"bool": ...} or {"table": ...}."""
    [(kind, value)] = typed.items()
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "table":
        return {name: header_of(each) for name, each in value.items()}
    return value


def message_of(written: dict[str, Any]) -> Message:
    """Return a message as a golden file has it."""
    headers = {name: header_of(each) for name, each in written["headers"].items()}
    app_id = f"logbus/{VERSION}"
    return Message(**{**written, "headers": headers, "body": bytes.fromhex(written["body"]), "app_id": app_id})


def batch_of(written: dict[str, Any]) -> Batch:
    """Return a batch as a golden file has it."""
    lengths = written["lengths"]
    return Batch(
        **{
            **written,
            "body": bytes.fromhex(written["body"]),
            "levels": written["levels"].encode(),
            "path": os.fsdecode(bytes.fromhex(written["path"])),
            "lengths": lengths and Lengths.of(lengths),
            "times": Times(**written["times"]) if "times" in written else None,
            "user": "shipper",
        }
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_message_of_version_1_means_what_it_always_meant(path: Path) -> None:
    """H9: whatever a shipper of version 1 sent decodes to the same batch."""
    golden = json.loads(path.read_text())
    assert decode(message_of(golden["message"])) == batch_of(golden["batch"])


@pytest.mark.parametrize("path", [each for each in GOLDEN if each.stem != REPLAYED], ids=lambda path: path.stem)
def test_a_batch_is_sent_as_it_always_was(path: Path) -> None:
    """H9: an older sink understands what is sent now; of a compressed body only the content counts."""
    golden = json.loads(path.read_text())
    golden_headers = golden["message"]["headers"]
    message = encode(batch_of(golden["batch"]), user_id="shipper")
    if message.content_encoding == "zstd":
        assert decode(message) == batch_of(golden["batch"])
        golden["message"]["body"] = message.body.hex()
    sent = {name: value for name, value in message.headers.items() if name not in ADDED or name in golden_headers}
    assert replace(message, headers=sent) == message_of(golden["message"])
    assert set(message.headers) - set(sent) <= ADDED


def test_the_golden_files_are_there() -> None:
    """An empty folder would prove nothing."""
    assert len(GOLDEN) == 8
