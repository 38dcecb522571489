"""The labelled sets below a folder: `NAME_2k.log` beside `NAME_2k.log_structured.csv`, at any depth."""

import sys
from pathlib import Path


def logs(usage: str) -> list[Path]:
    """Return the logs below the folder that the command line names; exit with 2 if there is no folder or no set."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        print(f"usage: {usage} DIR", file=sys.stderr)
        sys.exit(2)
    found = sorted(path for path in Path(sys.argv[1]).rglob("*_2k.log") if path.is_file())
    if not found:
        print(f"no *_2k.log below {sys.argv[1]}", file=sys.stderr)
        sys.exit(2)
    return found
