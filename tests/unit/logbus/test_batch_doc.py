"""The page that other languages write against says what the code does."""

import json
import re
from pathlib import Path

import pika.frame
import pytest

from logbus import batch
from logbus.batch import Message, decode
from logbus.wire import headers, lengths
from logbus.wire.lengths import Lengths

PAGE = (Path(__file__).parents[3] / "docs" / "wire-format.md").read_text("utf-8")


def block(language: str) -> str:
    """Return the page's first block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, language
    return found[1]


def frames_of(dump: str) -> tuple[pika.frame.Header, pika.frame.Body]:
    """Return the two frames of the worked example."""
    raw = bytes.fromhex(" ".join(line[6:54] for line in dump.splitlines()))
    used, header = pika.frame.decode_frame(raw)
    rest, body = pika.frame.decode_frame(raw[used:])
    assert used + rest == len(raw)
    assert isinstance(header, pika.frame.Header)
    assert isinstance(body, pika.frame.Body)
    return header, body


def test_the_worked_example_decodes_to_what_the_page_says() -> None:
    """The hex of the page, read as AMQP, is the batch beside it."""
    header, body = frames_of(block("hex"))
    properties = header.properties
    decoded = decode(
        Message(body.fragment, type=properties.type, user_id=properties.user_id, headers=properties.headers or {})
    )
    told = json.loads(block("json"))
    shown = {name: getattr(decoded, name) for name in told} | {
        "body": decoded.body.decode(),
        "levels": decoded.levels.decode(),
    }
    assert shown == told
    assert properties.message_id == f"{decoded.stream}:{decoded.offset}"


def test_the_example_of_lengths_is_right() -> None:
    """The packed numbers of the page are the records it tells of."""
    found = re.search(r"For example `([0-9a-f ]+)`", PAGE)
    assert found
    assert lengths.unpack(bytes.fromhex(found[1])) == Lengths.of(((19, 19), (13, 300), (0, 5)))


@pytest.mark.parametrize(
    "limit",
    [
        batch.MAX_RECORDS,
        batch.MAX_RECORDS_WITH_LENGTHS,
        headers.MAX_NAME_BYTES,
        headers.MAX_PATH_BYTES,
        headers.MAX_FIELDS,
    ],
)
def test_the_limits_of_the_page_are_the_codes(limit: int) -> None:
    """A limit that changes in the code changes on the page."""
    assert f"{limit:,}" in PAGE


def test_every_header_is_on_the_page() -> None:
    """No header is sent that the page does not tell of."""
    example = batch.Batch(b"a", b"6", stream="0" * 16, end=1, lengths=Lengths.of(((1, 1),)), partial=True)
    assert all(f"| header `{name}` |" in PAGE for name in batch.encode(example).headers)
