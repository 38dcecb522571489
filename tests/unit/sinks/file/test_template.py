"""Path templates, and values that try to leave them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch
from logbus.errors import UsageError
from sinks.file import template
from support.stages import Stage

DAY_US = 86_400_000_000


def render(text: str, batch: Batch, period: int = 0) -> str:
    """Return where `text` puts `batch`, relative to the base, in a period since 1970."""
    return template.parse(text).render(batch, period)


def test_placeholders_are_filled_in(stage: Stage) -> None:
    """Host, label, name, date and the whole path, whose directories stay directories."""
    batch = stage.batch(b"x\n")
    assert (
        render("/srv/{host}/{label}-{date}/{name}.txt", batch, batch.read_at_us // DAY_US)
        == "web-1/app-2026-11-24/app.log.txt"
    )
    assert render("/srv/{host}/{path}", batch) == "web-1/var/log/app.log"


def test_the_base_is_what_stands_before_the_first_placeholder() -> None:
    """It is absolute, whatever the template is."""
    assert template.parse("/srv/logs/{host}/x").base == Path("/srv/logs")
    assert template.parse("/srv/logs-{host}/x").base == Path("/srv")
    assert template.parse("{host}.log").base == Path.cwd()
    assert template.parse("/srv/all.log").base == Path("/srv")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("../../etc/cron.d/x", "_._.._etc_cron.d_x"),
        ("..", "_."),
        (".", "_"),
        ("", "unknown"),
        ("/etc/passwd", "_etc_passwd"),
        ("a\0b\nc", "a_b_c"),
        (".bashrc", "_bashrc"),
        ("-rf", "_rf"),
        ("Grüße 1%", "Grüße 1%"),
        ("x\udcff\u202e", "x__"),
        ("{0.__class__}${jndi:ldap}%n", "_0.__class_____jndi:ldap_%n"),
    ],
)
def test_a_value_is_one_harmless_component(stage: Stage, value: str, shown: str) -> None:
    """S3, S19: no separator, no leading dot, no NUL, nothing evaluated."""
    assert render("/srv/{host}/{label}", stage.batch(b"", host=value, label=value)) == f"{shown}/{shown}"


def test_a_path_keeps_its_directories_and_loses_its_dots(stage: Stage) -> None:
    """S3: `..` in a source's path leads nowhere."""
    assert render("/srv/{path}", stage.batch(b"", path="/a/../../b//./c.log")) == "a/_./_./b/_/c.log"
    assert render("/srv/{path}/{name}", stage.batch(b"", path="")) == "unknown/unknown"


def test_long_values_are_shortened_and_stay_apart(stage: Stage) -> None:
    """S3: a component has at most 255 bytes, and two long names with one beginning do not share a file."""
    one, two = (render("/srv/{name}.log", stage.batch(b"", path="ä" * 300 + end)) for end in "xy")
    assert one != two
    assert len(os.fsencode(one)) <= 255


@given(st.text(), st.text(), st.text())
def test_no_value_whatever_leaves_the_base(host: str, label: str, path: str) -> None:
    """S3: whatever comes over the network, each component is a plain name."""
    batch = Batch(b"", b"", host=host, label=label, path=path)
    for each in render("/srv/{host}/{label}{name}.{host}/{path}", batch).split("/"):
        assert each not in ("", ".", "..")
        assert "\0" not in each
        assert len(os.fsencode(each)) <= 255


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/srv/{hots}", "did you mean host"),
        ("/srv/{host", "brace"),
        ("/srv/host}", "brace"),
        ("/srv/{host.__class__}", "no placeholder"),
        ("/srv/{}", "no placeholder"),
        ("/srv/{host}/", "does not name a file"),
        ("/srv/{host}/../x", "does not name a file"),
        ("/srv/", "does not name a file"),
        ("", "does not name a file"),
    ],
)
def test_what_is_no_template_is_refused(text: str, hint: str) -> None:
    """S19: only the known words in braces mean anything."""
    with pytest.raises(UsageError, match=hint):
        template.parse(text)


def test_an_absurd_date_is_a_date(stage: Stage) -> None:
    """A forged time does not stop the sink."""
    assert render("/srv/{date}", stage.batch(b""), 2**62 // DAY_US) == "9999-12-31"


def test_a_period_is_as_long_as_the_shortest_placeholder_needs(stage: Stage) -> None:
    """An output changes with the hour if the template has it, otherwise with the day, if at all."""
    periods = [template.parse(f"/srv/{text}").period_us for text in ("{date}", "{hour}", "{date}T{hour}", "{host}")]
    assert periods == [DAY_US, DAY_US // 24, DAY_US // 24, 0]
    hour = 1_764_000_000_000_000 // (DAY_US // 24)
    assert render("/srv/{date}/{hour}", stage.batch(b""), hour) == "2025-11-24/16"


@pytest.mark.parametrize(
    ("value", "shown"), [("shop", "shop"), ("../x/{host}", "_._x__host_"), ("", "_"), (None, "_"), ("-rf", "_rf")]
)
def test_a_field_is_one_harmless_component(stage: Stage, value: str | None, shown: str) -> None:
    """S3: what a shipper says of itself names a file, and nothing else; a missing one does as well."""
    fields = {} if value is None else {"team": value}
    assert render("/srv/{fields.team}/{fields.no.such}", stage.batch(b"", fields=fields)) == f"{shown}/_"
