"""The configuration that `init` writes for what is on a host: a tree of a test's own."""

import json
import os
import stat
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

import sinks.__main__
from logbus.command_line.new_file import quoted
from logbus.config.settings import parse, parse_document
from logbus.errors import UsageError
from shipper.__main__ import main
from shipper.commands.detection import Reader, blocker, sections
from shipper.commands.init import text_for
from shipper.commands.known_services import SERVICES
from shipper.settings import Input, Settings
from sinks.settings import plans_of

ROOT = Path(__file__).parents[4]
ALL_POWERFUL = Reader("root", 0, frozenset())
STRANGER = Reader("logbus", 54_321, frozenset({54_321}))
UBUNTU = (
    "/var/log/syslog",
    "/var/log/auth.log",
    "/var/log/nginx/access.log",
    "/var/log/nginx/error.log",
    "/var/log/postgresql/postgresql-16-main.log",
    "/var/log/apt/history.log",
    "/var/log/logbus/web1/app/app.log",
    "/var/log/logbus/errors.log",
    "/srv/shop/log/production.log",
    "/opt/billing/logs/app.log",
)
CONTAINERS = (
    "/var/log/messages",
    "/var/lib/docker/containers/0123456789abcdef/0123456789abcdef-json.log",
    "/var/log/pods/default_web-1_123/nginx/0.log",
)


def tree(root: Path, *paths: str, mode: int = 0o644) -> str:
    """Make files below a folder that stands for the root of a host."""
    for each in paths:
        file = root / each.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a line\n")
        file.chmod(mode)
    return str(root)


def written(root: str, reader: Reader = ALL_POWERFUL, broker: str | None = None) -> str:
    """Return the configuration for a tree, which is valid by its own rules and by the schema."""
    text = text_for(root, reader, Path("/etc/logbus/shipper.yml"), broker)
    schema = json.loads((ROOT / "config/shipper.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    return text


def inputs(text: str) -> dict[str, Input]:
    """Return the inputs of a configuration by their labels."""
    return {each.label: each for each in parse(text, Settings).inputs}


def test_what_is_there_is_shipped(tmp_path: Path) -> None:
    """Each service that is there gets an input of its own; what a sink writes, and what is not there, does not."""
    found = inputs(written(tree(tmp_path, *UBUNTU)))
    assert list(found) == ["syslog", "auth", "nginx", "postgresql", "shop", "billing", "apt"]
    assert found["nginx"].paths == ["/var/log/nginx/*.log"]
    assert found["shop"].paths == ["/srv/shop/log/*.log"]
    assert found["syslog"].paths == ["/var/log/syslog"]
    assert found["postgresql"].multiline is not None
    assert found["postgresql"].multiline.preset == "indent"


POD = {"namespace": "default", "pod": "web-1", "pod_uid": "123", "container": "nginx"}


def test_containers(tmp_path: Path) -> None:
    """Containers of Docker and Kubernetes are read in their formats, with fields from the path."""
    found = inputs(written(tree(tmp_path, *CONTAINERS)))
    assert [each.format for each in found.values()] == ["auto", "docker", "cri"]
    pod = "/var/log/pods/default_web-1_123/nginx/0.log"
    assert found["kubernetes"].fields_of(pod) == POD
    assert found["docker"].fields_of(CONTAINERS[1]) == {"container_id": "0123456789ab"}


def test_links_to_the_logs_of_pods(tmp_path: Path) -> None:
    """Without /var/log/pods, the links in /var/log/containers are shipped."""
    found = inputs(written(tree(tmp_path, "/var/log/containers/web_default_nginx-1.log")))
    assert found["kubernetes"].paths == ["/var/log/containers/*.log"]


def test_only_the_journal(tmp_path: Path) -> None:
    """A host whose system log is in the journal alone is told how to ship it; one with a syslog is not."""
    (tmp_path / "var/log/journal").mkdir(parents=True)
    assert "journalctl --follow" in written(str(tmp_path))
    assert "journalctl" not in written(tree(tmp_path, "/var/log/syslog"))


def test_nothing_is_there(tmp_path: Path) -> None:
    """An empty host gets a valid file all the same, with a path to change."""
    text = written(str(tmp_path))
    assert "No log that we know of was found" in text
    assert inputs(text)[""].paths == ["/var/log/*.log"]


def test_no_two_inputs_name_one_file(tmp_path: Path) -> None:
    """Directories of known services are not named again among the others."""
    every = [each.replace("*", "1") for service in SERVICES for each in service.globs]
    root = tree(tmp_path, *every)
    for each in sections(root, ALL_POWERFUL):
        assert each.service.name != "others" or each.label not in {"nginx", "tomcat1", "mysql", "audit", "pods"}


def test_an_unreadable_file_has_its_remedy(tmp_path: Path) -> None:
    """What the daemon's user cannot read is written, below the group that may; others need an ACL."""
    root = tree(tmp_path, "/var/log/auth.log", mode=0o640)
    tree(tmp_path, "/var/log/audit/audit.log", mode=0o600)
    text = written(root, STRANGER)
    assert "# logbus cannot read /var/log/auth.log: add SupplementaryGroups=" in text
    assert "# logbus cannot read /var/log/audit/audit.log: setfacl -m u:logbus:r /var/log/audit/audit.log" in text
    assert set(inputs(text)) == {"auth", "audit"}
    member = STRANGER._replace(gids=frozenset({os.stat(tmp_path / "var/log/auth.log").st_gid}))  # noqa: PTH116 - its group
    assert "cannot read /var/log/auth.log" not in written(root, member)


def test_a_closed_directory_is_what_keeps_out(tmp_path: Path) -> None:
    """The first directory on the way that the user may not enter is named, not the file."""
    root = tree(tmp_path, "/var/log/postgresql/a.log")
    (tmp_path / "var/log/postgresql").chmod(0o700)
    found = blocker(root, "/var/log/postgresql/a.log", STRANGER)
    assert found == ("/var/log/postgresql", "setfacl -m u:logbus:rx /var/log/postgresql")
    assert blocker(root, "/var/log/postgresql/a.log", ALL_POWERFUL) is None


def test_what_cannot_be_listed_may_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of a known service that whoever runs this cannot list is shipped, with the remedy."""
    for each in ("var/lib/docker", "var/log/audit", "var/log/private"):
        (tmp_path / each).mkdir(parents=True, mode=0o700)
    closed = {str(tmp_path / each) for each in ("var/lib/docker", "var/log/audit", "var/log/private", "var/log")}
    monkeypatch.setattr(os, "access", lambda path, _mode: path not in closed)
    text = written(str(tmp_path), STRANGER)
    assert list(inputs(text)) == ["audit", "docker"]
    assert text.count("its directory cannot be listed from here") == 2
    assert "setfacl -m u:logbus:rx /var/lib/docker" in text


@pytest.mark.parametrize("name", ["a\n- evil", "a\x1b[2J", "a*b", "${HOME}", 'a"b', "a{b,c}", os.fsdecode(b"\xff")])
def test_a_hostile_name_is_left_out(name: str, tmp_path: Path) -> None:
    """A name that cannot stand in a glob is named in a comment, on one line and escaped; the others are shipped."""
    text = written(tree(tmp_path, f"/srv/{name}/log/a.log", "/srv/shop/log/a.log"))
    assert list(inputs(text)) == ["shop"]
    assert text.replace("\n", "").isprintable()
    assert "# Left out, because of its name" in text


@pytest.mark.parametrize("url", ["amqps://u:p%40ss@mq/", "amqp://u:${x}@mq/", "amqp://u:a\"b\\'@mq/"])
def test_the_given_broker_is_written_as_it_is(url: str, tmp_path: Path) -> None:
    """A URL is quoted, and nothing in it is a variable."""
    assert parse(written(str(tmp_path), broker=url), Settings).broker.url == url


def test_a_url_that_is_none_is_refused(tmp_path: Path) -> None:
    """A broker that cannot be one is refused before anything is written, without its password."""
    with pytest.raises(UsageError) as refused:
        written(str(tmp_path), broker="http://u:5ecr3t@mq/")
    assert "5ecr3t" not in str(refused.value)


def test_quoting() -> None:
    """Whatever a text contains, YAML reads the same text from its quoted form."""
    assert yaml.safe_load(quoted('a"b\\c\n\t\x1b\u202eü')) == 'a"b\\c\n\t\x1b\u202eü'


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_a_file_is_never_overwritten(program: str, tmp_path: Path) -> None:
    """A new file has mode 0640 and is valid; a second run, or a dangling link, changes nothing and exits with 2."""
    command = {"shipper": main, "sinks": sinks.__main__.cli}[program]
    path = tmp_path / "logbus" / f"{program}.yml"
    done = CliRunner().invoke(command, ["init", "--config", str(path)])
    assert (done.exit_code, stat.S_IMODE(path.stat().st_mode) | 0o640) == (0, 0o640)
    before = path.read_bytes()
    again = CliRunner().invoke(command, ["init", "--config", str(path)])
    assert (again.exit_code, path.read_bytes()) == (2, before)
    (link := tmp_path / "link.yml").symlink_to(tmp_path / "elsewhere")
    assert CliRunner().invoke(command, ["init", "--config", str(link)]).exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_it_can_be_printed(program: str, tmp_path: Path) -> None:
    """With --print the file goes to standard output, and nowhere else."""
    command = {"shipper": main, "sinks": sinks.__main__.cli}[program]
    path = tmp_path / "x.yml"
    shown = CliRunner().invoke(command, ["init", "--print", "--config", str(path)])
    assert shown.exit_code == 0
    assert str(path) in shown.stdout
    assert not path.exists()


def test_the_sinks_are_an_archive_and_errors() -> None:
    """The configuration of sinks is valid by the schema, too, and writes below /var/log/logbus."""
    text = CliRunner().invoke(sinks.__main__.cli, ["init", "--print"]).stdout
    schema = json.loads((ROOT / "config/sinks.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    assert set(plans_of(parse_document(text, "sinks.yml"))) == {"archive", "errors"}
