"""What was begun before this start goes on: remembered lives are looked for before new ones begin."""

from shipper.discovery import Discovery, Found, Siblings
from shipper.lives import Lives
from shipper.registry import Registry


def resume(lives: Lives, registry: Registry, discovery: Discovery, found: list[Found], now: float) -> None:
    """Go on with remembered lives: those `found` by name, then those that were renamed within their directory."""
    by_inode = {each.status.st_ino: each for each in found}
    siblings = Siblings(discovery.input_of)
    for row in registry.unfinished():
        each = by_inode.get(row.inode)
        named = each is not None
        each = each or siblings.find(row.path, row.inode)
        if not each or (each.status.st_dev, each.status.st_ino) in lives.by_key:
            continue
        tail = lives.follow(each, remembered_only=True)  # a new life on an old inode comes after these
        if tail and not named:
            tail.visit(each.status, now)
            lives.leaving[tail] = None
            lives.enqueue(tail)
