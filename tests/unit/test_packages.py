"""What packages hold: versions that pyproject.toml allows, each with hashes, and nothing that starts by itself."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DEBIAN = ROOT / ".ci" / "debian"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def locked(python: str) -> dict[str, str]:
    """Return name -> version of the lock file's requirements for a Python on Linux, each of which must have a hash."""
    found = {}
    for entry in re.split(r"\n(?=[a-z])", (ROOT / ".ci" / "requirements.lock").read_text()):
        if entry.startswith("#"):
            continue
        first, *others = [line.strip().rstrip("\\").strip() for line in entry.splitlines()]
        requirement = Requirement(first)
        assert any(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in others), first
        if not requirement.marker or requirement.marker.evaluate(environment(python)):
            (exact,) = requirement.specifier
            assert exact.operator == "==", first
            found[requirement.name] = exact.version
    return found


def environment(python: str) -> dict[str, str]:
    """Return the values of markers for a Python on x86-64 Linux."""
    values = {name: str(value) for name, value in default_environment().items()}
    values |= {"sys_platform": "linux", "platform_machine": "x86_64"}
    return {**values, "python_version": python, "python_full_version": f"{python}.0", "extra": ""}


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_file_satisfies_the_project(python: str) -> None:
    """Each dependency, those of `fast` included, has one version in the lock file, which pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = {normal(name): version for name, version in locked(python).items()}
    for text in [*project["dependencies"], *project["optional-dependencies"]["fast"]]:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate(environment(python)):
            continue
        assert requirement.specifier.contains(versions[normal(requirement.name)]), text


def test_no_service_starts_by_being_installed() -> None:
    """The Debian packages neither enable nor start a service, and an upgrade restarts those that run."""
    rules = (DEBIAN / "rules").read_text()
    calls = re.findall(r"^\tdh_installsystemd (.*)$", rules, re.MULTILINE)
    assert calls
    assert all({"--no-enable", "--no-start", "--no-stop-on-upgrade"} <= set(call.split()) for call in calls)
    for package in ("logbus-shipper", "logbus-sinks"):
        assert "deb-systemd-invoke try-restart" in (DEBIAN / f"{package}.postinst").read_text()


def test_purging_keeps_what_sinks_wrote() -> None:
    """No maintainer script removes anything in /var/log."""
    scripts = [path.read_text() for path in DEBIAN.glob("*.p*") if path.suffix in {".postrm", ".prerm", ".postinst"}]
    removals = re.findall(r"^\s*(?:rm|rmdir) [^#\n]*", "\n".join(scripts), re.MULTILINE)
    assert removals
    assert not any("/var/log" in each for each in removals)


@pytest.mark.parametrize("side", ["shipper", "sinks"])
def test_each_side_is_a_package_of_its_own(side: str) -> None:
    """A package has its side's configuration, manual pages, completions and program, and needs the environment."""
    installed = (DEBIAN / f"logbus-{side}.install").read_text()
    assert f"{side}.yml etc/logbus\n" in installed
    assert installed.count(f"logbus-{side}") == len(("bash", "zsh", "fish"))
    assert f"logbus-{side}*" in (DEBIAN / f"logbus-{side}.manpages").read_text()
    assert f"opt/logbus/bin/logbus-{side} usr/bin/logbus-{side}\n" == (DEBIAN / f"logbus-{side}.links").read_text()
    (stanza,) = re.findall(
        rf"^Package: logbus-{side}\n.*?(?:\n\n|\Z)", (DEBIAN / "control").read_text(), re.DOTALL | re.MULTILINE
    )
    assert "logbus-common (= ${binary:Version})" in stanza
