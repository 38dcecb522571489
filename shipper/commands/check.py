"""`logbus-shipper --check`: what a shipper with these settings would ship."""

import click

from logbus.errors import counted, visible
from shipper.files.complaints import Complaints
from shipper.files.discovery import Found, found_by
from shipper.files.old_files import age
from shipper.settings import Settings


def show(settings: Settings) -> None:
    """Show what would be shipped, and warn of files that cannot be."""
    found = found_by([each for each in settings.inputs if each.paths != ["-"]])
    complaints = Complaints(settings.private_files())
    shipped = [file for file in found if _opens(complaints, file)]
    for each in settings.inputs:
        click.echo(f"input {visible(each.label or 'labelled by file name')}: {visible(', '.join(each.paths))}")
        for file in (file for file in shipped if file.input is each):
            size = counted(file.status.st_size, "byte")
            click.echo(f"  {visible(file.path)}: {size}, label {visible(each.label_of(file.path))}")
        if not any(file.input is each for file in found):
            click.echo("  standard input" if each.paths == ["-"] else "  no file matches yet; waiting for one")
        click.echo(f"  files present at the first start are read from their {each.start}")
        if each.ignore_older:
            click.echo(f"  files last written {age(each)} or longer before the first start are ignored")
    click.echo(f"broker {visible(settings.broker.shown())}")
    click.echo(
        f"host {visible(settings.host_name())}; state {visible(settings.state or 'none, nothing is remembered')}"
    )


def _opens(complaints: Complaints, file: Found) -> bool:
    """Return True for a file that can be shipped; report any other."""
    opened = complaints.open(file)
    if opened:
        opened.close()
    return opened is not None
