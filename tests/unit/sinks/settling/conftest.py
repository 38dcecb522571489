"""What all tests of settling share."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _closed_afterwards(tmp_path: Path) -> Iterator[None]:
    """Close the outputs that a test opened."""
    yield
    for each in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):
            if each.readlink().is_relative_to(tmp_path):
                os.close(int(each.name))
