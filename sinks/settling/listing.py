"""Lists the outputs of a file sink."""

from sinks.search.asking import Source
from sinks.search.files.sources import Listing, add_outputs
from sinks.settling.archive import Archive


def outputs_in(archive: Archive) -> tuple[list[Source], list[str]]:
    """Return the outputs, rotated ones too, by name; and what could not be listed."""
    listing = Listing()
    if archive.base.is_dir():
        add_outputs(listing, archive.settings.path, archive.settings.format, {})
    return sorted(listing.sources(), key=lambda each: each.path), listing.flaws
