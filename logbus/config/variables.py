"""LOGBUS_BROKER beside a configuration file: the file counts, also if it names no broker."""

import os

from logbus.config.endpoints import DEFAULT_URL, redacted
from logbus.config.settings import Document


def unused_broker(document: Document) -> str:
    """Return a warning if LOGBUS_BROKER is set and a file names no broker, so that the default is used; or ""."""
    section = document.value.get("broker") if isinstance(document.value, dict) else None
    if not os.environ.get("LOGBUS_BROKER") or (isinstance(section, dict) and "url" in section):
        return ""
    return (
        f"LOGBUS_BROKER is not used with --config: {document.source} names no broker, so {redacted(DEFAULT_URL)} is "
        "used (to use the variable, write broker: {url: '${LOGBUS_BROKER}'})"
    )
