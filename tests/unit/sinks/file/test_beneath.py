"""Beneath: where outputs are opened."""

import os
from pathlib import Path

import pytest

from logbus.output_mark import is_output
from sinks.file.safe_open import open_append, open_base


def test_outputs_are_marked(tmp_path: Path) -> None:
    """H6: what a sink opens to append to, new or old, is marked, so that no shipper ships it."""
    try:
        os.setxattr(tmp_path, "user.test", b"1")
    except OSError:
        pytest.skip("no extended attributes on this filesystem")
    (tmp_path / "old.log").write_bytes(b"line 1\n")
    base = open_base(tmp_path)
    for name in ("old.log", "sub/new.log"):
        os.close(open_append(base, name))
        with (tmp_path / name).open("rb") as file:
            assert is_output(file.fileno())
    os.close(base)
