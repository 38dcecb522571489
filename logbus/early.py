"""What a program does before it imports anything large, which takes half a second.

A password on the command line shows in the process list until it is overwritten, so that comes first, and coarsely;
`logbus.daemon` writes the command line again with only the password left out. An interrupt ends the program without a
traceback, whenever it comes, until a daemon handles signals itself; a hang-up of a daemon that reloads waits for that.
"""

import os
import sys

HIDDEN = "://***"


def prepare(module: str) -> None:
    """Prepare the program whose main module is named `module`; do nothing where that module is only imported."""
    if module == "__main__" or os.path.basename(sys.argv[0]).startswith("logbus-"):  # noqa: PTH119 - pathlib is large
        hide_urls()
        calm_signals()


def hide_urls() -> None:
    """Overwrite whatever looks like a URL of a broker in the command line and in LOGBUS_BROKER."""
    words = [without_url(word) for word in sys.orig_argv]
    if words != sys.orig_argv or "@" in os.environ.get("LOGBUS_BROKER", ""):
        from setproctitle import setproctitle  # noqa: PLC0415 - only where there is something to hide

        setproctitle(" ".join(words))


def without_url(word: str) -> str:
    """Return a word of the command line without what follows `://`, if it names a user there."""
    before, scheme, rest = word.partition("://")
    return before + HIDDEN if scheme and ("@" in rest or before.endswith(("amqp", "amqps"))) else word


def calm_signals() -> None:
    """Let an interrupt end the program as it ends any other; let a hang-up wait where it will mean a reload."""
    import signal  # noqa: PLC0415 - after the password is hidden

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _reloads(sys.argv[1:]):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def _reloads(words: list[str]) -> bool:
    """Return whether the command line starts a daemon with a configuration file."""
    is_daemon = words[:1] == ["daemon"] or any(word.startswith("-") for word in words[:1])
    return is_daemon and any(word.partition("=")[0] == "--config" for word in words)
