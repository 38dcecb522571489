"""An inode's generation: it tells a file from the next one that gets its inode number."""

import fcntl
import struct

_FS_IOC_GETVERSION = 0x80087601  # linux/fs.h


def generation_of(fd: int) -> int | None:
    """Return the inode generation of an open file, None where the filesystem does not tell it."""
    try:
        raw = fcntl.ioctl(fd, _FS_IOC_GETVERSION, bytes(8))
    except OSError:
        return None
    generation: int = struct.unpack_from("=I", raw)[0]
    return generation or None
