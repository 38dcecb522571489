"""The alerts and the dashboard of config/observability, by the real Prometheus: each alert fires, and recovers."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from logbus.devbroker.processes import free_ports
from support.observed import PROMETHEUS, RULES, Prometheus
from support.programs import Start, Until

pytestmark = pytest.mark.system

DASHBOARD = RULES.with_name("dashboard.json")
ON_OCCASION = {"logbus_certificate_expires_seconds", "logbus_reload_success", "logbus_dropped_records_total"}
"""Metrics that have samples only with TLS, after a reload, or with filters."""

S = 'instance="web-1", job="logbus"'
SINK = 'instance="logs-1", job="logbus", sink="archive"'
DAY = 86_400
FIRES: dict[str, list[tuple[str, str]]] = {
    "LogbusDown": [(f"up{{{S}}}", "0x30 1x60")],
    "LogbusDisconnected": [(f"logbus_connected{{{S}}}", "0x30 1x60")],
    "LogbusNotShipping": [
        (f'logbus_behind_bytes{{input="a", {S}}}', "500x40 0x60"),
        (f'logbus_published_bytes_total{{input="a", {S}}}', "700x100"),
    ],
    "LogbusBehind": [(f'logbus_behind_bytes{{input="{each}", {S}}}', "60000000x40 0x60") for each in "ab"],
    "LogbusLate": [
        (f'logbus_read_to_commit_seconds_bucket{{le="60", {SINK}}}', "0x30 0+10x90"),
        (f'logbus_read_to_commit_seconds_bucket{{le="300", {SINK}}}', "0+10x30 310+10x90"),
        (f'logbus_read_to_commit_seconds_bucket{{le="+Inf", {SINK}}}', "0+10x30 310+10x90"),
    ],
    "LogbusLostBytes": [(f"logbus_lost_bytes_total{{{S}}}", "0x5 900x200")],
    "LogbusDeadLetters": [(f"logbus_quarantined_messages_total{{{SINK}}}", "0x5 3x200")],
    "LogbusHole": [(f"logbus_gap_bytes_total{{{SINK}}}", "0x5 350x200")],
    "LogbusQueueFull": [(f"logbus_nacked_batches_total{{{S}}}", "0+7x30 210x90")],
    "LogbusQueueGrows": [(f"logbus_queue_messages{{{SINK}}}", "2000+100x50 0x60")],
    "LogbusOrphanQueue": [
        ('rabbitmq_queue_consumers{queue="logs.old", vhost="/"}', "0x60 1x60"),
        ('rabbitmq_queue_messages{queue="logs.old", vhost="/"}', "5x120"),
    ],
    "LogbusWritesFail": [
        (f"logbus_delivered_batches_total{{{SINK}}}", "50x30 60+5x60"),
        (f"logbus_queue_messages{{{SINK}}}", "9x30 0x60"),
    ],
    "LogbusReloadFailed": [(f"logbus_reload_success{{{S}}}", "0x30 1x60")],
    "LogbusCertificate": [
        (f'logbus_certificate_expires_seconds{{certificate="server", {S}}}', f"{13 * DAY}x30 {90 * DAY}x60")
    ],
    "LogbusDisk": [(f'logbus_disk_free_bytes{{directory="state", {S}}}', "1000000000x60 90000000000x600")],
    "LogbusHolding": [(f"logbus_held_bytes{{{S}}}", "2000000000x40 0x60")],
}
"""Alert -> series, a sample a minute, of a fault that begins at once and ends."""
AT = {"LogbusDisk": ("45m", "600m"), "LogbusOrphanQueue": ("40m", "100m")}
HOUR_LONG = dict.fromkeys(["LogbusLostBytes", "LogbusDeadLetters", "LogbusHole"], ("20m", "100m"))
"""When the alert fires, and when it does not any more; else after 29 and 80 minutes."""


def rules() -> list[dict[str, str]]:
    """Return the rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    """Return the query of each rule and panel."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [rule["expr"] for rule in rules()] + [each["expr"] for panel in panels for each in panel["targets"]]


def promtool(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run promtool."""
    return subprocess.run([PROMETHEUS.with_name("promtool"), *words], capture_output=True, text=True, check=False)


def test_the_rules_are_in_order() -> None:
    """Prometheus accepts them, and each alert says what is wrong and how bad that is."""
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stderr
    assert set(FIRES) == {rule["alert"] for rule in rules()}
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules())  # type: ignore[index]


@pytest.mark.parametrize("alert", sorted(FIRES))
def test_each_alert_fires_and_recovers(alert: str, tmp_path: Path) -> None:
    """While the fault lasts it fires once, and some time after the end of the fault it does not."""
    fires_at, over_at = (AT | HOUR_LONG).get(alert, ("29m", "80m"))
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in FIRES[alert]],
        "promql_expr_test": [
            {"expr": firing, "eval_time": fires_at, "exp_samples": [{"labels": "{}", "value": 1}]},
            {"expr": firing, "eval_time": over_at, "exp_samples": []},
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    ran = promtool("test", "rules", path)
    assert ran.returncode == 0, ran.stderr + ran.stdout


def test_every_query_is_answered_by_real_scrapes(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """Each metric in them exists, each query is in order, and a killed shipper is missed until it is back."""
    ship_port, sink_port = free_ports(2)
    prometheus = Prometheus(tmp_path, RULES.read_text(), {"logbus": ("/metrics", [ship_port, sink_port])})

    def number(query: str) -> float:
        return next(iter(prometheus.values(query)), 0.0)

    shipper_yml, sinks_yml = tmp_path / "shipper.yml", tmp_path / "sinks.yml"
    (tmp_path / "app.log").write_bytes(b"2026-11-24 10:00:00,000 ERROR failed\n" * 1000)
    shipper_yml.write_text(
        f"broker: {{url: '{broker_url}'}}\nstate: {tmp_path}/s\nmetrics: 127.0.0.1:{ship_port}\n"
        f"inputs: [{{label: app, paths: ['{tmp_path}/app.log']}}]\n"
    )
    sinks_yml.write_text(
        f"broker: {{url: '{broker_url}'}}\nstate: {tmp_path}/state\n"
        f"sinks: {{archive: {{type: file, path: '{tmp_path}/copy.log', metrics: '127.0.0.1:{sink_port}'}}}}\n"
    )
    sink = start("sinks", "--config", sinks_yml, "archive")
    eventually(lambda: sink.says("ready: listening"))
    shipper = start("shipper", "--config", shipper_yml)
    with prometheus.running():
        eventually(lambda: number('sum(up{job="logbus"})') == 2)
        eventually(lambda: number("logbus_published_records_total") == 1000)
        eventually(lambda: number("logbus_read_to_commit_seconds_count") > 0)
        eventually(lambda: number("logbus_queue_consumers") == 1)
        for query in queries():
            assert prometheus.ask("query", query=query), query
        known = set(prometheus.ask("label/__name__/values"))
        wanted = {name for query in queries() for name in re.findall(r"\b(?:logbus|process)_\w+", query)}
        assert wanted - known <= ON_OCCASION
        shipper.kill()
        eventually(lambda: number('sum(up{job="logbus"})') == 1)
        start("shipper", "--config", shipper_yml)
        eventually(lambda: number('sum(up{job="logbus"})') == 2)
