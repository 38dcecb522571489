"""Files that hold secrets, replaced while others read them."""

from pathlib import Path


def put(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Put a secret in place as a careful operator does, never half; return its path."""
    new = path.with_name(f"{path.name}.new")
    new.touch(0o600)
    new.write_bytes(content)
    new.chmod(mode)
    new.rename(path)
    return path
