"""Missing files: remembered ones that cannot be found are reported, and their lost bytes counted."""

import logging

from logbus import telemetry
from logbus.errors import counted
from shipper.state.registry import Row

logger = logging.getLogger("shipper.complaints")

MOST_NAMED = 20


class MissingFiles:
    """Reports remembered files that cannot be found: bytes written after the last read are lost.

    The first MOST_NAMED are named, the rest counted: after a long downtime there may be very many.
    """

    def __init__(self) -> None:
        self._unnamed = 0
        self._named = 0

    def report(self, rows: list[Row], *, last: bool) -> None:
        """Report some missing files; after the `last` ones, how many were not named."""
        for row in rows:
            telemetry.count("logbus_missing_files")
            telemetry.count("logbus_lost_bytes", row.published - row.offset)
            self._name(row)
        if last and self._unnamed:
            logger.warning(
                "%s gone too (`status` lists them)", counted(self._unnamed, "more file is", "more files are")
            )
        if last:
            self._unnamed = self._named = 0

    def _name(self, row: Row) -> None:
        unconfirmed = row.published - row.offset
        self._named += 1
        if self._named > MOST_NAMED:
            self._unnamed += 1
            return
        logger.warning(
            "the file of %s is gone: it was read up to byte %d%s; later bytes are lost",
            row.path,
            row.published,
            f", of which {counted(unconfirmed, 'byte was', 'bytes were')} not confirmed" if unconfirmed else "",
        )
