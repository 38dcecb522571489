"""Bytes as text that a terminal shows and does not obey."""

import os
import re

import pytest

from logbus.decoding import LARGE_BYTES, decoded

BINARY = os.urandom(LARGE_BYTES).replace(b"\n", b"?")


@pytest.mark.parametrize("body", [b"\xff" * LARGE_BYTES, b"\x80a\xfe\xff\xff" * LARGE_BYTES, BINARY])
def test_a_large_body_that_is_hardly_text_is_shown_as_numbers(body: bytes) -> None:
    """Every byte of it, so that the time depends on its size alone; line ends stay."""
    first, second = decoded(body + b"\n" + b"\xff").split("\n")
    assert bytes.fromhex(first.replace(r"\x", "")) == body
    assert second == r"\xff"
    assert re.fullmatch(r"(\\x[0-9a-f]{2})*", first)


@pytest.mark.parametrize("text", [b"Gr\xf6\xdfe \xfcberschritten", b"\xce\xf8\xe8\xe1\xea\xe0: 17"])
def test_a_large_text_of_another_encoding_keeps_what_is_readable(text: bytes) -> None:
    """Only the bytes that are not UTF-8 are escaped."""
    line = text + b" at 10:15:32\n"
    body = line * (LARGE_BYTES // len(line) + 1)
    assert decoded(body) == body.decode(errors="backslashreplace")
