"""What a program does before it imports anything large, which takes half a second.

A password on the command line shows in the process list until it is overwritten, so that comes first, and coarsely;
`logbus.daemon` later writes the command line again, with only the password left out. Until a daemon handles signals
itself, an interrupt ends the program without a traceback, and a hang-up of a daemon that reloads stays pending.
A lack of descriptors ends it with a line that says so.
"""

import errno
import gc
import os
import sys

ARGUMENTS = slice(45, 47)
"""The fields of /proc/PID/stat with the addresses of the command line, counted after the name; see proc(5)."""


def prepare(module: str) -> None:
    """Prepare the program whose main module is named `module`; do nothing if that module is only imported."""
    if module == "__main__" or os.path.basename(sys.argv[0]).startswith("logbus-"):  # noqa: PTH119 - pathlib is large
        hide_urls()
        fill_standard_streams()
        calm_signals()
        sys.excepthook = say_error
        gc.disable()  # until all is imported: nothing of it is garbage, and looking for some takes 8 ms


def imported() -> None:
    """Let the program collect garbage from now on, but for what was imported, which stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def hide_urls() -> None:
    """Overwrite anything like a broker URL in the memory that the system shows as the command line."""
    if any("://" in word for word in sys.orig_argv):
        try:
            with open("/proc/self/stat", "rb") as stat, open("/proc/self/mem", "r+b", 0) as memory:  # noqa: PTH123 - pathlib is large
                begin, end = map(int, stat.read().rpartition(b")")[2].split()[ARGUMENTS])
                memory.seek(begin)
                words = memory.read(end - begin)
                memory.seek(begin)
                memory.write(b"\0".join(map(without_url, words.split(b"\0"))))
        except (OSError, ValueError):
            return  # not allowed here: the command line is overwritten a little later


def without_url(word: bytes) -> bytes:
    """Return a word of the command line, at its full length, with stars after `://` in a URL with a password."""
    before, scheme, rest = word.partition(b"://")
    has_password = scheme and (b"@" in rest or before.endswith((b"amqp", b"amqps")))
    return before + scheme + b"*" * len(rest) if has_password else word


def fill_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed (`>&-`).

    Else the next file or socket would get its number, and what is meant for a terminal would be written there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for as long as the program runs


def say_error(kind: type[BaseException], error: BaseException, _trace: object) -> None:
    """Say in a line that the program needs files that cannot be opened now: its modules. Show other errors as usual."""
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        sys.stderr.write(f"cannot go on: {os.strerror(error.errno).lower()}\n")
    else:
        sys.__excepthook__(kind, error, error.__traceback__)


def calm_signals() -> None:
    """Let an interrupt end the program as usual; keep a hang-up pending where it will mean a reload."""
    import signal  # noqa: PLC0415 - after the password is hidden

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _reloads(sys.argv[1:]):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def _reloads(words: list[str]) -> bool:
    """Return True if the command line starts a daemon with a configuration file."""
    is_daemon = words[:1] == ["daemon"] or any(word.startswith("-") for word in words[:1])
    return is_daemon and any(word.partition("=")[0] == "--config" for word in words)
