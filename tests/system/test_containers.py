"""The configurations of docs/kubernetes.md and docs/docker.md, on trees as the kubelet and Docker lay them out."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from logbus.wire import frames
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

DOCS = Path(__file__).parents[2] / "docs"
UID = "4e3a7c52-8a0b-4a5f-9f10-2d3f1c0f9a11"
ID = "0123456789ab" + "c" * 52
TRACE = [
    "{now} ERROR [main] shop - {number} failed because of a cause that is " + "long " * 40,
    "java.lang.IllegalStateException: no stock",
    "\tat com.acme.Stock.take(Stock.java:{number})",
    "Caused by: java.io.IOException: x",
    "\t... 2 more",
]
LINE = ["{now} INFO  [main] shop - {number} went on"]
RECORDS = 60
ROUNDS = 6
STREAMS = ("stdout", "stderr")


class World(NamedTuple):
    """A runtime's tree.

    How it wraps a line; the file that it writes, and that file rotated; what the sinks' folders are called; the fields.
    """

    wrap: Callable[[str, str], str]
    log: Path
    rotated: Path
    errors: str
    archive: str
    fields: dict[str, str]


def cri(text: str, stream: str) -> str:
    """Return a line as containerd writes it: long ones in pieces, with a line of the other stream in between."""
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}123Z"
    if len(text) < 100:
        return f"{stamp} {stream} F {text}\n"
    other = "stdout" if stream == "stderr" else "stderr"
    return (
        f"{stamp} {stream} P {text[:50]}\n{stamp} {stream} P {text[50:90]}\n{stamp} {other} F in between\n"
        f"{stamp} {stream} F {text[90:]}\n"
    )


def docker(text: str, stream: str) -> str:
    """Return a line as Docker writes it: long ones in pieces."""
    pieces = [text + "\n"] if len(text) < 100 else [text[:50], text[50:90], text[90:] + "\n"]
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}123Z"
    told = ({"log": piece, "stream": stream, "time": now} for piece in pieces)
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in told)


def kubernetes_world(root: Path) -> World:
    """Lay out a node: the pod's folder, the link to its file, and a pod that is not shipped."""
    folder = root / f"var/log/pods/shop_web-7d4b_{UID}/app"
    folder.mkdir(parents=True)
    (root / "var/log/containers").mkdir()
    (root / f"var/log/containers/web-7d4b_shop_app-{ID}.log").symlink_to(folder / "0.log")
    other = root / f"var/log/pods/kube-system_dns_{UID}/dns"
    other.mkdir(parents=True)
    (other / "0.log").write_text(cri("not wanted", "stdout"))
    fields = {"namespace": "shop", "pod": "web-7d4b", "container": "app", "pod_uid": UID}
    return World(cri, folder / "0.log", folder / "0.log.20261124-101112", "shop", "shop/web-7d4b/app", fields)


def docker_world(root: Path) -> World:
    """Lay out a host: a container's folder, with its log and its configuration."""
    folder = root / "var/lib/docker/containers" / ID
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps({"Name": "/web", "Config": {"Image": "shop:2"}}))
    log = folder / f"{ID}-json.log"
    fields = {"container_id": ID[:12], "container": "web", "image": "shop:2"}
    return World(docker, log, log.with_name(f"{log.name}.1"), "node-1", "node-1/web", fields)


class Runtime(NamedTuple):
    """A page, and how the tree that it is about is laid out."""

    page: str
    lay_out: Callable[[Path], World]


KUBELET = Runtime("kubernetes.md", kubernetes_world)
DOCKER = Runtime("docker.md", docker_world)


def configuration(page: str, name: str, root: Path, url: str, **keys: str) -> Path:
    """Write a configuration of a page, with this tree in place of the host's and this broker; return its path."""
    found = re.search(rf"```yaml\n# {re.escape(name)}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert found
    text = re.sub(r"(?<![\w./])/(?=(?:var|srv)/)", f"{root}/", found[1])
    path = root / name
    path.write_text(yaml.safe_dump(yaml.safe_load(text) | keys | {"broker": {"url": url}}))
    return path


@cache
def records() -> list[list[str]]:
    """Return the lines of each record that a service writes, a trace every third."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S,000}"
    some = [TRACE if number % 3 == 0 else LINE for number in range(RECORDS)]
    return [[line.format(now=now, number=number) for line in each] for number, each in enumerate(some)]


def objects(folder: Path) -> list[dict[str, Any]]:
    """Return what the errors' sink wrote."""
    return [json.loads(line) for path in sorted(folder.glob("*.json")) for line in path.read_text().splitlines()]


def unpacked(folder: Path) -> bytes:
    """Return what the archive holds up to its last whole frame; less while one is being written."""
    found = []
    for path in sorted(folder.glob("*.log.zst")):
        with suppress(EOFError):
            found.append(frames.open_file(path).read())
    return b"".join(found)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, broker_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """Lay out the tree of a runtime, with the configurations of its page."""
    runtime: Runtime = request.param
    monkeypatch.setenv("NODE_NAME", "node-1")
    configuration(runtime.page, "shipper.yml", tmp_path, broker_url, host="node-1")
    configuration(runtime.page, "sinks.yml", tmp_path, broker_url)
    return runtime.lay_out(tmp_path)


@pytest.mark.parametrize("world", [KUBELET, DOCKER], ids=lambda runtime: runtime.page, indirect=True)
def test_a_trace_of_a_container_is_one_record(world: World, start: Start, tmp_path: Path, eventually: Until) -> None:
    """C1, M13: in pieces, streams by turns, killed at any byte, rotated: one record `err`, and each byte archived."""
    for name in ("archive", "errors"):
        sink = start("sinks", "--config", tmp_path / "sinks.yml", name)
        eventually(lambda: sink.says("ready: listening"))  # noqa: B023 - called at once; a queue that is bound later gets less
    archive, errors = tmp_path / "srv/logs" / world.archive, tmp_path / "srv/errors" / world.errors
    written = ["".join(world.wrap(line, STREAMS[n % 2]) for line in each) for n, each in enumerate(records())]
    begin = partial(start, "shipper", "--config", tmp_path / "shipper.yml")
    shipper = begin()
    for number, text in enumerate(parts(written)):
        before = len(unpacked(archive))
        write(world.log, text)
        eventually(lambda: len(unpacked(archive)) > before)  # noqa: B023 - called at once
        shipper.kill()
        if number == ROUNDS // 2:
            world.log.rename(world.rotated)
            world.log.touch()
        shipper = begin()
    sources = world.rotated.read_bytes() + world.log.read_bytes()
    eventually(lambda: len(unpacked(archive)) >= len(sources))
    assert unpacked(archive) == sources
    traces = [text.removesuffix("\n") for text, each in zip(written, records(), strict=True) if len(each) > 1]
    eventually(lambda: len(objects(errors)) >= len(traces))
    assert [each["message"] for each in objects(errors)] == traces
    assert {each["severity"] for each in objects(errors)} == {"err"}
    assert all(each["fields"] == world.fields for each in objects(errors))
    texts = ["\n".join(each[1:]) for each in records() if len(each) > 1]
    said = [each["parsed"]["message"] for each in objects(errors)]
    assert all(text in message for text, message in zip(texts, said, strict=True))
    assert not list((tmp_path / "srv/logs").rglob("*dns*"))


def parts(written: list[str]) -> list[str]:
    """Return the records in as many parts as there are rounds."""
    size = len(written) // ROUNDS
    return ["".join(written[at : at + size]) for at in range(0, len(written), size)]


def write(log: Path, text: str) -> None:
    """Write a text in pieces that end anywhere."""
    for at in range(0, len(text), 701):
        with log.open("a") as file:
            file.write(text[at : at + 701])
