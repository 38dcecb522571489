"""The key files of the redactions: whether they can be read, before anything is shipped."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from logbus.config.settings import read_secret
from logbus.errors import UsageError
from logbus.handover import was_reloaded
from shipper.settings import Settings

logger = logging.getLogger("shipper")

KEY_RETRY_S = 1.0


def await_keys(settings: Settings, pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until the key files of the redactions can be read, after a reload.

    Raises UsageError for a key file that cannot be read at the first start.
    """
    waiting = False
    while True:
        try:
            check_keys(settings)
        except UsageError as error:
            if not was_reloaded():
                raise
            if not waiting:
                logger.warning("%s; retrying", error)
            waiting = True
            pause(KEY_RETRY_S)
        else:
            return


def check_keys(settings: Settings) -> None:
    """Raise UsageError for the first key file that cannot be read, or is no secret."""
    for each in settings.inputs:
        if each.redact and each.redact.key_file:
            read_secret(Path(each.redact.key_file), "key_file")
