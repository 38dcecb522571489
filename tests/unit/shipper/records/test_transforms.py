"""Filters, rate limits and path fields; and that positions stay exact whatever is left out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus import telemetry
from logbus.batch import Batch, Lengths, decode, encode, records, routing_key, split, trim
from logbus.errors import UsageError
from shipper.records.cuts import Finished
from shipper.records.filters import RateLimit, Selection
from shipper.records.recorder import Recorder
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from shipper.settings import Input

LINES = b"ERROR: a\nINFO: b\nDEBUG: c\nINFO: d\n"


def recorder(**keys: object) -> Recorder:
    """Return what an input with these keys makes of bytes."""
    return Recorder(Input(paths=["x"], **keys))  # type: ignore[arg-type]


def batch_of(found: Finished, source: bytes) -> Batch:
    """Return the batch that carries what was made of `source`, after a journey."""
    batch = Batch(found.body, found.levels, stream="a" * 16, offset=7, end=7 + len(source), lengths=found.lengths)
    assert decode(encode(batch)) == batch
    return batch


def test_keep_and_drop() -> None:
    """Kept is what one selection selects, unless another drops it; what is left out has no bytes, and a place."""
    keep, drop = [Selection(min="info")], [Selection(severities=["info"], contains="d")]
    found = recorder(keep=keep, drop=drop).finish(LINES, None, 0.0)
    assert (found.body, found.levels) == (b"ERROR: a\nINFO: b\n", b"366")
    assert found.lengths == Lengths.of(((9, 9), (8, 8), (0, 17)))


def test_left_out_neighbours_are_one_record() -> None:
    """They have the level of the record behind them, so the routing key holds no level that is not there."""
    found = recorder(drop=[Selection(severities=["info", "err"])]).finish(LINES, None, 0.0)
    assert (found.body, found.levels, found.lengths) == (b"DEBUG: c\n", b"777", Lengths.of(((0, 17), (9, 9), (0, 8))))


def test_nothing_left_still_covers_its_place() -> None:
    """A slice of which nothing is left is a batch of one record without bytes: no hole in the stream."""
    found = recorder(drop=[Selection(pattern=".")]).finish(LINES, None, 0.0)
    assert (found.body, found.lengths) == (b"", Lengths.of(((0, len(LINES)),)))
    batch = batch_of(found, LINES)
    assert routing_key(batch.host, batch.label, batch.levels) == "unknown.unknown.debug"
    assert trim(batch, 10, 12).lengths == Lengths.of(((0, 2),))


def test_what_passes_untouched_stays_verbatim() -> None:
    """Where a filter takes nothing away there are no lengths."""
    found = recorder(drop=[Selection(contains="nowhere")], rate_limit=RateLimit(records_per_s=100)).finish(
        LINES, None, 0.0
    )
    assert found.body is LINES
    assert found.lengths is None


def test_patterns_match_in_any_line_of_a_record() -> None:
    """A joined record is kept or dropped whole."""
    joiner = recorder(multiline=Multiline(preset="java"), drop=[Selection(pattern=r"^\tat com\.acme\.")])
    data = b"ERROR x\n\tat org.Y\n\tat com.acme.Z\nINFO y\n"
    cut = joiner.cut(data, final=True)
    assert joiner.finish(data, cut.bounds, 0.0).body == b"INFO y\n"


def test_fields_select_what_the_other_conditions_leave() -> None:
    """A filter by field sees whole records, and only those that every other condition selects."""
    drop = [Selection(min="info", contains="GET", field={"path": "/healthz", "status": "2*"})]
    access = b'192.0.2.1 - - [02/Jan/2024:15:04:05 +0000] "GET %s HTTP/1.1" %d 2\n'
    lines = [access % each for each in ((b"/healthz", 200), (b"/healthz", 500), (b"/", 200))]
    lines.append(b'{"path":"/healthz","status":200}\n')
    found = recorder(drop=drop).finish(b"".join(lines), None, 0.0)
    assert found.body == b"".join(lines[1:])
    joiner = recorder(multiline=Multiline(preset="java"), keep=[Selection(field={"logger": "com.acme.*"})])
    data = b"2024-01-02 15:04:05 ERROR [main] com.acme.Z: x\n\tat org.Y\nlogger=com.acme.Q a=b\nlogger=org b=c\n"
    cut = joiner.cut(data, final=True)
    assert joiner.finish(data, cut.bounds, 0.0).body == data.removesuffix(b"logger=org b=c\n")


def test_rate_limit() -> None:
    """So many records a second; then nothing until the second is over, which a record tells, and a metric counts."""
    limited = recorder(rate_limit=RateLimit(records_per_s=2, severities=["info"]))
    before = telemetry.value("logbus_dropped_records", by="rate_limit")
    line = b"INFO: x\n"
    found = limited.finish(line * 5 + b"ERROR: y\n", None, 100.0)
    assert found.body == line * 2 + b"ERROR: y\n"
    assert limited.finish(line, None, 100.5).body == b""
    found = limited.finish(line * 3, None, 101.0)
    summary = b"logbus: rate_limit dropped 5 records, 40 bytes\n"
    assert found.body == line + summary + line
    assert found.levels == b"6466"
    assert found.lengths == Lengths.of(((8, 7), (len(summary), 1), (8, 8), (0, 8)))
    assert telemetry.value("logbus_dropped_records", by="rate_limit") - before == 5
    assert batch_of(found, line * 3)


def test_rate_limit_in_bytes() -> None:
    """So many bytes a second, of all the input's files together."""
    limited = recorder(rate_limit=RateLimit(bytes_per_s=20))
    assert limited.finish(b"12345678\n" * 3, None, 0.0).body == b"12345678\n" * 2
    assert limited.finish(b"1\n2\n", None, 0.9).body == b"1\n"
    assert limited.finish(b"\n", None, 1.0).body == b"\n"  # too short to lend a byte to the summary
    assert b"dropped 2 records" in limited.finish(b"123\n", None, 1.1).body


def test_rate_limits_by_severity() -> None:
    """Each severity may have a limit of its own, and all of them together another; what one stops counts in none."""
    limits = [RateLimit(records_per_s=1, severities=["debug"]), RateLimit(records_per_s=3)]
    lines = b"DEBUG: 1\nDEBUG: 2\nINFO: 1\nINFO: 2\nINFO: 3\n"
    assert recorder(rate_limit=limits).finish(lines, None, 0.0).body == b"DEBUG: 1\nINFO: 1\nINFO: 2\n"


def test_the_log_may_say_anything() -> None:
    """S19: what looks like a template, a format or a mark is text."""
    line = b"${jndi:ldap://x} {0.__class__} %n %(x)s \\1 [redacted email] a@b.io\n"
    found = recorder(redact=Redact(presets=["email"])).finish(line, None, 0.0)
    assert found.body == line.replace(b"a@b.io", b"[redacted email]")


def test_path_fields() -> None:
    """Named groups become fields, where headers have room; the input's own come first."""
    pattern = r"/containers/(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<site>x)?(?P<container>.+)-[0-9a-f]{64}\.log$"
    source = Input(paths=["x"], path_fields=pattern, fields={"site": "main"})
    path = "/var/log/containers/web-7d4b_shop_nginx-" + "0a" * 32 + ".log"
    expected = {"site": "main", "pod": "web-7d4b", "namespace": "shop", "container": "nginx"}
    assert source.fields_of(path) == expected
    assert source.fields_of("/var/log/syslog") == {"site": "main"}
    assert source.fields_of(path.replace("web", "\udcff"))["pod"] == "\ufffd-7d4b"
    long = Input(paths=["x"], path_fields="(?P<a>.*)", fields={"site": "s" * 16_000})
    assert long.fields_of("/" * 4000) == long.fields


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (Selection, {}),
        (Selection, {"min": "loud"}),
        (Selection, {"severities": ["loud"]}),
        (Selection, {"pattern": "("}),
        (Selection, {"field": {"a": "[b-a]"}}),
        (RateLimit, {}),
        (RateLimit, {"severities": ["info"]}),
        (Input, {"paths": ["x"], "path_fields": "x"}),
        (Input, {"paths": ["x"], "format": "pattern"}),
        (Input, {"paths": ["x"], "format": "pattern", "pattern": "level"}),
        (Input, {"paths": ["x"], "pattern": "(?P<level>.)"}),
        (Input, {"paths": ["x"], "level_key": "sev"}),
        (Input, {"paths": ["x"], "format": "json", "level_key": '"'}),
        (Input, {"paths": ["x"], "levels": {"x": "info"}}),
        (Input, {"paths": ["x"], "format": "pattern", "pattern": "(?P<level>.)", "levels": {"x": "loud"}}),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: type[msgspec.Struct], keys: dict[str, object]) -> None:
    """What selects, limits, names or means nothing is said at the start."""
    with pytest.raises(UsageError):
        kind(**keys)


TEXTS = [b"ERROR: a@b.io\n", b"INFO: x\n", b"DEBUG: 10.0.0.1 and 10.0.0.2\n", b"  more\n", b"\n", b"WARN: z\n"]


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=20), st.data())
def test_any_transform_keeps_positions_exact(texts: list[bytes], data: st.DataObject) -> None:
    """However records are joined, dropped and redacted, parts that are cut at records make up the whole."""
    source = b"".join(texts)
    each = recorder(
        multiline=data.draw(st.sampled_from([None, Multiline(preset="indent", max_lines=2)])),
        drop=data.draw(st.sampled_from([[], [Selection(severities=["info"])]])),
        redact=data.draw(st.sampled_from([None, Redact(presets=["email", "ipv4"])])),
        rate_limit=data.draw(st.sampled_from([None, RateLimit(records_per_s=3)])),
    )
    each.finish(b"INFO: x\n" * 5, None, 0.0)
    cut = each.cut(source, final=True)
    assert cut.end == len(source)
    batch = batch_of(each.finish(source, cut.bounds, 5.0), source)
    ends = [batch.offset]
    for _, size in batch.lengths or [(len(record),) * 2 for record in records(batch)]:
        ends.append(ends[-1] + size)
    middle = data.draw(st.sampled_from(ends))
    halves = [trim(batch, *part) for part in ((batch.offset, middle), (middle, batch.end)) if part[0] < part[1]]
    for parts in (halves, split(batch, 1024)):
        assert b"".join(part.body for part in parts) == batch.body
        assert b"".join(part.levels for part in parts) == batch.levels
