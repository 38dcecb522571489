"""What those who write an index and those who read it call the same: its file, its version, its texts, this boot."""

from pathlib import Path
from typing import Final

FILE_NAME: Final = "index.db"
SCHEMA: Final = 2
SCHEMAS: Final = (1, SCHEMA)
"""What is read, too: version 1 has all digits compressed."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def key_of(text: str) -> bytes:
    """Return what stands for a text in the database; surrogates survive the round trip."""
    return text.encode("utf-8", "surrogatepass")


def text_of(key: bytes) -> str:
    """Return the text that `key_of` was given."""
    return key.decode("utf-8", "surrogatepass")


def this_boot() -> str:
    """Return the id of this boot of the host."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return "unknown"
