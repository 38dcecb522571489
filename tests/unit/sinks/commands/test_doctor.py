"""What the sinks' doctor says of outputs and of the topology, without a broker."""

from pathlib import Path

import pytest

from logbus.config.settings import parse_document
from logbus.doctor.disks import Space
from logbus.doctor.verdicts import Verdict
from sinks.commands.doctor import base_of, of_files, of_finding
from sinks.commands.topology import Finding
from sinks.settings import Plan, plans_of


def plan(root: Path) -> Plan:
    """Return the plan of a file sink."""
    text = f"state: {root}/state\nsinks: {{archive: {{type: file, path: '{root}/out/{{host}}/{{name}}'}}}}\n"
    return plans_of(parse_document(text, "sinks.yml"))["archive"]


def test_a_full_disk(tmp_path: Path) -> None:
    """The disks of the state and of the outputs are measured each, and a full one is a problem."""
    full = list(of_files(plan(tmp_path), lambda _: Space(1000, 1 << 40)))
    assert [each.name for each in full if each.verdict is Verdict.PROBLEM] == [
        "disk of state of archive",
        "disk of output of archive",
    ]
    assert all(each.verdict is Verdict.OK for each in of_files(plan(tmp_path), lambda _: Space(1 << 39, 1 << 40)))


@pytest.mark.parametrize(
    ("template", "base"),
    [("/var/log/logbus/{host}/{name}", "/var/log/logbus"), ("/a/b-{host}.log", "/a"), ("/a/errors.log", "/a")],
)
def test_the_directory_of_an_output(template: str, base: str) -> None:
    """It is what stands before the first placeholder, without the name that begins there."""
    assert base_of(template) == base


@pytest.mark.parametrize(
    ("state", "passing", "verdict"),
    [
        ("ok", False, Verdict.OK),
        ("refused", False, Verdict.OK),
        ("missing", False, Verdict.PROBLEM),
        ("missing", True, Verdict.WARNING),
        ("differs", False, Verdict.PROBLEM),
        ("stuck", False, Verdict.PROBLEM),
    ],
)
def test_a_finding_of_the_topology(state: str, passing: bool, verdict: Verdict) -> None:
    """What is missing or differs is a problem; what this user may not declare is used as it is."""
    found = of_finding(Finding("queue", "logs.a", state), passing=passing)  # type: ignore[arg-type] # one of its states
    assert found.verdict is verdict
