"""Settings: what the shipper's configuration may say."""

import os
from pathlib import Path

import pytest

from logbus.config.settings import load, parse
from logbus.errors import ConfigError
from shipper.settings import Settings

SHIPPED = Path(__file__).parents[3] / "config" / "shipper.yml"


def test_the_configuration_that_comes_with_it_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """config/shipper.yml is valid, and shows every key with its default where it has one."""
    for name in ("LOGBUS_BROKER",):
        monkeypatch.delenv(name, raising=False)
    settings = load(SHIPPED, Settings)
    assert settings.inputs
    text = SHIPPED.read_text()
    for key in [*Settings.__struct_fields__, *type(settings.inputs[0]).__struct_fields__, "batches", "bytes", "url"]:
        assert f"{key}:" in text


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("inputs: [{paths: []}]", "inputs[0].paths"),
        ("inputs: [{path: [a]}]", "did you mean 'paths'"),
        ("inputs: [{paths: [a], max_record_bytes: 5000000}]", "max_record_bytes"),
        ("inputs: [{paths: [a], default_severity: loud}]", "loud"),
        ("inputs: [{paths: [a], start: middle}]", "start"),
        ("inputs: [{paths: [a], fields: {k: %s}}]" % ("x" * 17_000), "fields"),
        ("inputs: [{paths: [a], timezone: Europe/Berln}]", "did you mean Europe/Berlin?"),
        ("inputs: [{paths: [a], time_format: '%Y-%m-%d'}]", "it states no hour"),
        ("inputs: [{paths: [a], time_format: ISO}]", "use iso, epoch_s"),
        ("inputs: [{paths: [a], time: off, time_key: t}]", "no other key about times has an effect"),
        ("inputs: [{paths: [a], time: never}]", "expected 'auto' or 'off'"),
        ("tests: [{name: t, text: x, records: [{time: soon}]}]", "'soon' is no time"),
        ("window: {batches: 0}", "window.batches"),
        ("drain_timeout_s: -1", "drain_timeout_s"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, flaw: str) -> None:
    """E18: unknown keys, sizes beyond bounds and odd values are refused, with line and key."""
    with pytest.raises(ConfigError) as caught:
        parse(text, Settings, "shipper.yml")
    assert "shipper.yml:1" in str(caught.value)
    assert flaw in str(caught.value)


@pytest.mark.parametrize(
    ("path", "label"),
    [("/x/app.log", "app"), ("/x/app.log.1", "app"), ("/x/.env", "env"), ("/x/a", "a"), ("/x/..", "log")],
)
def test_labels_come_from_file_names(path: str, label: str) -> None:
    """A label is the base name up to its first dot, unless the input has one."""
    source = parse("inputs: [{paths: [a]}, {paths: [a], label: web}]", Settings).inputs
    assert source[0].label_of(os.fspath(path)) == label
    assert source[1].label_of(path) == "web"
