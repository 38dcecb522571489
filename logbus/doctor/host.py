"""This host: its clock, the unit that runs a daemon, and the daemon that runs now."""

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import logbus
from logbus import VERSION
from logbus.command_line.new_file import DAEMON
from logbus.doctor.verdicts import Check, Verdict, ok, problem, unknown, warning
from logbus.native import accelerators

AREA: Final = "system"
SOFTWARE: Final = "software"
NOBODY_KNOWN: Final = -1
ANSWER_WITHIN_S: Final = 5.0
CLOCKS: Final = ("run/chrony/chronyd.pid", "run/chronyd.pid", "run/ntpd.pid", "run/openntpd.pid", "run/ntpsec/ntpd.pid")
PROPERTIES: Final = ("LoadState", "ActiveState", "SubState", "UnitFileState")


def clock(root: Path = Path("/")) -> Check:
    """Check that something keeps the clock right: lines are ordered by the times of several hosts."""
    timesync = root / "run/systemd/timesync"
    if (timesync / "synchronized").exists():
        return ok(AREA, "clock", "synchronised, by systemd-timesyncd")
    if running := next((each for each in CLOCKS if (root / each).exists()), ""):
        return ok(AREA, "clock", f"kept by {Path(running).stem}")
    if timesync.exists():
        return warning(AREA, "clock", "not synchronised yet", "see timedatectl timesync-status")
    return unknown(AREA, "clock", "nothing that we know synchronises it", "if nothing does, install chrony")


def software() -> Iterator[Check]:
    """Yield the version of Logbus and Python, and which accelerators are there and missing."""
    yield ok(SOFTWARE, "Logbus", f"{VERSION}, Python {sys.version.split()[0]}")
    several = accelerators.found()
    there = ", ".join(f"{each.name} {each.version}" for each in several if each.version)
    advice = "; ".join(f"{each.name} is missing, which {each.use}: {each.hint}" for each in several if not each.version)
    yield Check(SOFTWARE, "accelerators", Verdict.OK, there or "none", advice)


def user(state: str) -> Check:
    """Check that whoever runs the doctor is the daemon's user: the owner of its state, or `logbus`."""
    wanted, mine = _daemons_uid(state), os.geteuid()
    if wanted in {mine, NOBODY_KNOWN}:
        return ok("files", "user", f"checked as {_name_of(mine)}")
    name = _name_of(wanted)
    found = f"files are checked as {_name_of(mine)}, and the daemon is {name}, who may be allowed other things"
    return unknown("files", "user", found, f"run this as {name}: sudo -u {name} ...")


def _daemons_uid(state: str) -> int:
    try:
        return os.stat(state).st_uid if state else pwd.getpwnam(DAEMON).pw_uid  # noqa: PTH116 - as it is configured
    except OSError:
        return _daemons_uid("")
    except KeyError:
        return NOBODY_KNOWN


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def unit(name: str) -> Check:
    """Check the state of a unit of systemd, if there is one."""
    what = f"unit {name}"
    if not Path("/run/systemd/system").exists() or not shutil.which("systemctl"):
        return unknown(AREA, what, "systemd does not run this host")
    command = ["systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=False)  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired):
        return unknown(AREA, what, "systemctl does not answer")
    return unit_state(name, dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))


def unit_state(name: str, state: Mapping[str, str]) -> Check:
    """Return the verdict on a unit, from its properties."""
    what, active = f"unit {name}", state.get("ActiveState", "")
    if not active or state.get("LoadState") == "not-found":
        return unknown(AREA, what, "not installed", "config/systemd holds the units")
    if active == "failed" or state.get("SubState") == "auto-restart":
        return problem(AREA, what, "it fails to start", f"journalctl -u {name} says why")
    if active not in {"active", "activating", "reloading"}:
        return warning(AREA, what, f"{active}: nothing runs", f"systemctl enable --now {name}")
    if state.get("UnitFileState") == "disabled":
        return warning(AREA, what, f"{active}, and not started at the next boot", f"systemctl enable {name}")
    return ok(AREA, what, active)


def daemon(lock: Path, word: str, proc: Path = Path("/proc")) -> Check:
    """Check which process has locked a state; `word` is in its command line."""
    pid = holder(lock, word, proc)
    if not pid:
        return unknown(AREA, "daemon", f"none is seen that uses {lock.parent}")
    found, began_s = f"pid {pid}", started_s(pid, proc)
    installed_s = Path(logbus.__file__).stat().st_mtime
    if began_s and began_s < installed_s:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(installed_s))
        advice = f"restart it, unless it was reloaded since, to run {VERSION}"
        return warning(AREA, "daemon", f"{found} was started before this Logbus was installed ({stamp})", advice)
    return ok(AREA, "daemon", f"{found}, version {VERSION}" if began_s else found)


def holder(lock: Path, word: str, proc: Path = Path("/proc")) -> int:
    """Return the pid of the process that has locked a file or directory; 0 if none is seen."""
    try:
        inode = lock.stat().st_ino
        rows = [line.split() for line in (proc / "locks").read_text().splitlines()]
        pids = [int(row[4]) for row in rows if row[1:2] == ["FLOCK"] and row[5].endswith(f":{inode}")]
        return next((pid for pid in pids if word in os.fsdecode((proc / str(pid) / "cmdline").read_bytes())), 0)
    except (OSError, ValueError, IndexError):
        return 0


def started_s(pid: int, proc: Path = Path("/proc")) -> float:
    """Return when a process was started, in seconds since 1970; 0 if that cannot be seen."""
    try:
        ticks = int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
        boot_s = next(int(line.split()[1]) for line in (proc / "stat").read_text().splitlines() if line[:5] == "btime")
    except (OSError, ValueError, IndexError, StopIteration):
        return 0.0
    return boot_s + ticks / os.sysconf("SC_CLK_TCK")
