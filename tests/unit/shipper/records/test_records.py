"""Records: where a slice is cut."""

from hypothesis import given
from hypothesis import strategies as st

from logbus import telemetry
from logbus.batch import MAX_RECORDS
from shipper.records.recorder import Recorder, cut
from shipper.settings import Input


def test_only_lf_ends_a_record() -> None:
    """B4, B10: CR, form feeds, NULs and Unicode's separators are bytes like any other."""
    for other in (b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", "\u2028".encode(), b"\0"):
        assert cut(b"a" + other + b"b") == 0
        assert cut(b"a\n" + other + b"b") == 2


@given(st.lists(st.sampled_from([b"\n", b"a", b"bc\n", b"\0"]), max_size=50).map(b"".join), st.integers(0, 10))
def test_a_cut_is_behind_the_last_lf(data: bytes, start: int) -> None:
    """B5, B7: at every alignment, empty lines too."""
    start = min(start, len(data))
    assert cut(data, start) == max(start, data.rfind(b"\n", start) + 1)


def test_a_slice_holds_at_most_so_many_records() -> None:
    """A batch holds at most 65,536 records, and a cut still makes progress."""
    for data in (b"\n" * 200_000, b"a" * 150_000 + b"\n" * 100_000, b"\n" * 100_000 + b"a" * 150_000 + b"\n"):
        end = cut(data)
        assert 0 < data.count(b"\n", 0, end) <= MAX_RECORDS
        assert data[end - 1 : end] == b"\n"


def test_each_record_has_a_level() -> None:
    """A last record without LF has one too, the input says what silence means, and silence is counted."""
    before = telemetry.value("logbus_undetected_records")
    notice, debug = (Recorder(Input(paths=["x"], default_severity=word)) for word in ("notice", "debug"))
    assert notice.finish(b"ERROR: x\nnothing\n", None, 0.0).levels == b"35"
    assert debug.finish(b"a", None, 0.0).levels == b"7"
    assert telemetry.value("logbus_undetected_records") - before == 2


def test_a_plain_input_stays_verbatim() -> None:
    """Without joining or changing anything the body is the very bytes given, and there are no lengths."""
    body = b"ERROR: x\nnothing\n"
    finished = Recorder(Input(paths=["x"])).finish(body, None, 0.0)
    assert finished.body is body
    assert finished.lengths is None
