"""A shipper and two sinks under Prometheus, whose rules are hasty: what they say of real faults, in seconds."""

import json
import re
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from logbus.devbroker import DevBroker, Extras
from logbus.devbroker.processes import free_ports
from support import wait_until
from support.channels import confirming
from support.programs import Program, Start
from support.proxy import Proxy

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "observability" / "logbus.rules.yml"
PROMETHEUS = ROOT / ".prometheus" / "usr" / "bin" / "prometheus"
HASTE = 200
SLOW_HASTE = {"LogbusQueueGrows": 20}
"""A queue's depth is asked for every 15 s."""
LEAST_S = 4
STUCK = "logs.stuck"
LINES_EVERY_S = 0.05
NOISE = b"DEBUG nothing of interest for jo@example.com"
DEADLINE_S = 60.0

SHIPPER = """\
broker: {{url: "{url}", heartbeat_s: 4}}
host: web-1
state: {root}/state/shipper
metrics: 127.0.0.1:{port}
scan_interval_s: 0.5
inputs:
  - {{label: app, paths: ["{root}/logs/*.log"], drop: [{{severities: [debug]}}], redact: {{presets: [email]}}}}
"""
SINKS = """\
broker: {{url: "{url}"}}
state: {root}/state
sinks:
  archive: {{type: file, path: "{root}/archive/copy.log", metrics: "127.0.0.1:{archive}"}}
  stuck: {{type: file, path: "{root}/stuck/copy.log", metrics: "127.0.0.1:{stuck}"}}
"""
BROKER = """\
collect_statistics_interval = 500
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {port}
"""


def hasty(text: str, thresholds: Mapping[str, str]) -> str:
    """Return rules whose minutes take less than a second, and which are worried by less."""
    groups = yaml.safe_load(text)
    for rule in groups["groups"][0]["rules"]:
        haste = SLOW_HASTE.get(rule["alert"], HASTE)
        for key in {"expr", "for"} & set(rule):
            rule[key] = re.sub(r"\b(\d+)([mh])\b", partial(_seconds, haste), rule[key])
        for number, less in thresholds.items():
            rule["expr"] = rule["expr"].replace(number, less)
    return yaml.safe_dump(groups)


def _seconds(haste: int, found: "re.Match[str]") -> str:
    minutes = int(found[1]) * (60 if found[2] == "h" else 1)
    return f"{max(LEAST_S, 60 * minutes // haste)}s"


class Prometheus:
    """The running Prometheus that scrapes targets twice a second."""

    def __init__(self, root: Path, rules: str, jobs: Mapping[str, tuple[str, Iterable[int]]]) -> None:
        [self.port] = free_ports(1)
        (root / "rules.yml").write_text(rules)
        scrapes = [
            {
                "job_name": job,
                "metrics_path": path,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }
            for job, (path, ports) in jobs.items()
        ]
        every = {"scrape_interval": "500ms", "evaluation_interval": "500ms", "scrape_timeout": "400ms"}
        config = {"global": every, "rule_files": [str(root / "rules.yml")], "scrape_configs": scrapes}
        (root / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._words = [
            f"--config.file={root / 'prometheus.yml'}",
            f"--storage.tsdb.path={root / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._log = root / "prometheus.log"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it."""
        with (
            self._log.open("wb") as log,
            subprocess.Popen([PROMETHEUS, *self._words], stdout=log, stderr=log) as process,
        ):
            try:
                wait_until(lambda: self.ask("status/runtimeinfo"), DEADLINE_S)
                yield
            finally:
                process.terminate()

    def ask(self, path: str, **words: str) -> Any:  # noqa: ANN401 - whatever it says
        """Return Prometheus's answer; None if there is none."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def values(self, query: str) -> list[float]:
        """Return the values of all series of a query."""
        found = self.ask("query", query=query)
        return [float(each["value"][1]) for each in found["result"]]

    def firing(self) -> set[str]:
        """Return the alerts that fire; that nobody reads the queue of the sink that is stuck is not among them."""
        firing = [each["labels"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"]
        return {labels["alertname"] for labels in firing if labels.get("queue") != STUCK}


class Observed:
    """What is observed: programs, a node, and a wire between it and the shipper. Lines are written all the time."""

    def __init__(self, root: Path, start: Start) -> None:
        self.root = root
        self._start = start
        for name in ("logs", "archive", "stuck/copy.log", "state"):
            (root / name).mkdir(parents=True)
        self.ship_port, self.archive_port, self.stuck_port, self.broker_port = free_ports(4)
        extras = Extras(BROKER.format(port=self.broker_port), ("rabbitmq_prometheus",))
        self.broker = DevBroker(root / "node", extras)
        self.broker.start()
        self.proxy = Proxy(self.broker.port)
        self.noise = False
        self._ended = threading.Event()
        self.configure()
        sinks = SINKS.format(url=self.broker.url, root=root, archive=self.archive_port, stuck=self.stuck_port)
        (root / "sinks.yml").write_text(sinks)
        self.sinks = {name: self.start_sink(name) for name in ("archive", "stuck")}
        for each in self.sinks.values():
            wait_until(lambda each=each: each.says("ready: listening"), DEADLINE_S)  # type: ignore[misc]
        self.start_shipper()
        threading.Thread(target=self._write, daemon=True).start()

    def configure(self, more: str = "") -> None:
        """Write the shipper's configuration."""
        url = self.broker.url.replace(str(self.broker.port), str(self.proxy.port))
        (self.root / "shipper.yml").write_text(SHIPPER.format(url=url, root=self.root, port=self.ship_port) + more)

    def start_shipper(self) -> None:
        """Start the shipper."""
        self.shipper = self._start("shipper", "--config", self.root / "shipper.yml")

    def start_sink(self, name: str) -> Program:
        """Start a sink."""
        return self._start("sinks", "--config", self.root / "sinks.yml", name)

    def with_channel(self, act: Callable[[Any], object]) -> None:
        """Do something on a channel of a program of another's."""
        with confirming(self.broker.url) as channel:
            act(channel)

    def close(self) -> None:
        """End it; the programs end with the test."""
        self._ended.set()
        self.proxy.close()
        self.broker.kill()

    def _write(self) -> None:
        path = self.root / "logs" / "app.log"
        while not self._ended.wait(LINES_EVERY_S):
            stamp = datetime.now(UTC).isoformat().encode()
            with path.open("ab") as file:
                file.write(stamp + b" INFO order placed\n" + (stamp + b" " + NOISE + b"\n") * self.noise)
                file.write((stamp + b" INFO mail to jo@example.com\n") * self.noise)
