"""Redaction: what presets find and leave, marks and hashes, keys over several lines, linear time."""

import time
from pathlib import Path

import pytest

from logbus.batch import Lengths
from logbus.errors import UsageError
from shipper.records.recorder import Recorder
from shipper.records.redaction import Redactor
from shipper.records.redaction.presets import PATTERNS, Redact
from shipper.records.rules import Multiline
from shipper.settings import Input

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"


def redacted(preset: str, line: bytes) -> bytes:
    """Return a line with what a preset finds replaced."""
    found = Redactor(Redact(presets=[preset])).redact(line, [len(line)])  # type: ignore[list-item]
    return found[0] if found else line


@pytest.mark.parametrize(
    ("preset", "secret"),
    [
        ("email", "jo.e+x@mail.example.com"),
        ("email", "jö@müller.example"),
        ("email", "jo%40example.com"),
        ("ipv4", "192.168.0.1"),
        ("ipv6", "2001:db8::ff00:42:8329"),
        ("ipv6", "::1"),
        ("ipv6", "fe80::"),
        ("ipv6", "1:2:3:4:5:6:7:8"),
        ("ipv6", "::ffff:192.0.2.1"),
        ("credit_card", "4111111111111111"),
        ("credit_card", "5500 0000 0000 0004"),
        ("credit_card", "3400-000000-00009"),
        ("api_key", "AKIAIOSFODNN7EXAMPLE"),
        ("api_key", "ghp_" + "a1" * 18),
        ("api_key", "xoxb-123456789012-abcdef"),
        ("api_key", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
    ],
)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("from ", ", then"), ('{"a":"', '"}'), ("(", ")")])
def test_what_presets_find(preset: str, secret: str, before: str, after: str) -> None:
    """Each is replaced by a mark with the preset's name, and nothing around it is."""
    line = f"{before}{secret}{after}\n".encode()
    assert redacted(preset, line) == f"{before}[redacted {preset}]{after}\n".encode()


@pytest.mark.parametrize(
    ("before", "secret", "after"),
    [
        ("Authorization: Bearer ", "abc.def", " x"),
        ("authorization=", "opaque", "; x"),
        ('{"Authorization": "Basic ', "dXNlcjpwYXNz", '"}'),
        ("curl -H Bearer ", "aaaabbbbccccdddd", " x"),
        ("sent Basic ", "dXNlcjpwYXNz", ""),
        ("amqp://user:", "p4ss", "@host/"),
        ('{"log":"{\\"Authorization\\":\\"Bearer ', "abc", '\\"}"}'),
        ("BASIC ", "dXNlcjpwYXNz", ""),
        ("Authorization: Negotiate ", "YIIabc==", ""),
        ("authorization: Digest ", 'username="jo", response="6629fae4"', ""),
        ("Authorization: AWS4-HMAC-SHA256 ", "Credential=AKIA/x, Signature=fe5f", ""),
    ],
)
def test_credentials_alone_are_replaced(before: str, secret: str, after: str) -> None:
    """What kind of credentials it was, whose and where, stays."""
    assert redacted("credentials", f"{before}{secret}{after}\n".encode()) == (
        f"{before}[redacted credentials]{after}\n".encode()
    )


def test_a_secret_access_key_alone_is_replaced() -> None:
    """Its name stays."""
    line = b"aws_secret_access_key = " + b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" + b"\n"
    assert redacted("api_key", line) == b"aws_secret_access_key = [redacted api_key]\n"


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        ("email", b"@Component user@ a@b\n"),
        ("ipv4", b"version 1.2.3 1.2.3.256 12:30\n"),
        ("ipv6", b"15:04:05 std::string a::B::c :: 1:2:3\n"),
        ("credit_card", b"4111111111111112 081109 203615 148 blk_-1608999687919862906 20240102150405678\n"),
        ("credentials", b"Basic authentication failed, Bearer of news, http://host:80/@x\n"),
        ("api_key", b"AKIA eyJ.eyJ.x ghp_short\n"),
        ("private_key", b"-----BEGIN PUBLIC KEY-----\n"),
    ],
)
def test_what_presets_leave(preset: str, line: bytes) -> None:
    """What only looks a little like it is left, a card number by Luhn's check."""
    assert redacted(preset, line) == line


def test_a_key_makes_equal_texts_equal(tmp_path: Path) -> None:
    """With a key file the mark is a keyed hash: equal for equal texts, different under another key."""
    marks = []
    for secret in ("one", "two"):
        file = tmp_path / secret
        file.write_text(secret)
        file.chmod(0o600)
        redactor = Redactor(Redact(patterns={"customer": r"C-\d+"}, key_file=str(file)))
        found = redactor.redact(b"C-1 C-2 C-1\n", [12])
        assert found
        first, second, third = found[0].decode().strip().split("] ")
        assert first.startswith("[customer ")
        assert first != second
        assert third == first + "]"
        marks.append(first)
    assert marks[0] != marks[1]


def test_a_key_file_for_everybody_is_refused(tmp_path: Path) -> None:
    """S: a secret that every user may read is none."""
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="every user may read"):
        Recorder(Input(paths=["x"], redact=Redact(presets=["email"], key_file=str(file))))


def test_lengths_tell_both_sizes() -> None:
    """A record's length in the body and in the source; where nothing was found, the batch stays verbatim."""
    recorder = Recorder(Input(paths=["x"], redact=Redact(presets=["email", "ipv4"])))
    finished = recorder.finish(b"ERROR: a@b.io 10.0.0.1\nnone\n", None, 0.0)
    assert finished.body == b"ERROR: [redacted email] [redacted ipv4]\nnone\n"
    assert (finished.levels, finished.lengths) == (b"36", Lengths.of(((40, 23), (5, 5))))
    plain = b"none\n" * 10
    assert recorder.finish(plain, None, 0.0).body is plain
    assert recorder.finish(plain, None, 0.0).lengths is None


def test_overlapping_finds_are_one() -> None:
    """What two patterns claim is replaced once, as a whole."""
    redactor = Redactor(Redact(presets=["email"], patterns={"host": r"mail\.\w+\.io/\w+"}))
    assert redactor.redact(b"a@mail.b.io/x y\n", [16]) == (b"[redacted email] y\n", [19])


@pytest.mark.parametrize("multiline", [None, Multiline(preset="java")])
def test_private_keys_are_whole_wherever_reading_stops(multiline: Multiline | None) -> None:
    """No line of a key leaves, whatever the read boundary: the block is one record, redacted as one."""
    recorder = Recorder(Input(paths=["x"], redact=Redact(presets=["private_key"]), multiline=multiline))
    data = b"INFO before\n" + KEY + b"INFO after\n"
    for boundary in range(len(data)):
        first = recorder.cut(data[:boundary])
        second = recorder.cut(data, first.end, final=True)
        parts = [(data[: first.end], first.bounds), (data[first.end : second.end], second.bounds)]
        body = b"".join(recorder.finish(part, bounds, 0.0).body for part, bounds in parts if part)
        assert body == b"INFO before\n[redacted private_key]\nINFO after\n", boundary


def test_a_key_that_never_ends_does_not_wait_for_ever() -> None:
    """After 250 lines without its end it is no key block; what stands on the line of its beginning is replaced."""
    recorder = Recorder(Input(paths=["x"], redact=Redact(presets=["private_key"])))
    data = KEY.split(b"\n")[0] + b" abc\n"
    assert recorder.cut(data).end == 0
    assert recorder.cut(data, flush=True).end == len(data)
    found = recorder.cut(data + b"x\n" * 300)
    assert found.end == len(data) + 600
    assert recorder.finish(data, None, 0.0).body == b"[redacted private_key]\n"


def test_keys_in_one_line() -> None:
    """As JSON has them, with its newlines written out."""
    line = b'{"key":"' + KEY.strip().replace(b"\n", b"\\n") + b'","x":1}\n'
    assert redacted("private_key", line) == b'{"key":"[redacted private_key]","x":1}\n'


@pytest.mark.timeout(60)
@pytest.mark.parametrize("preset", [*PATTERNS, "private_key"])
def test_hostile_lines_take_linear_time(preset: str) -> None:
    """S18: 50 kB of anything that looks like the beginning of a find."""
    units = (b"a", b"a@", b"a.", b"a@b.", b"1", b"1.", b"1:", b"::", b"4111111111111111 ", b"Basic a", b"Bearer ",
             b"://a:", b"eyJa", b"AKIA", b"-----BEGIN PRIVATE KEY-----", b"authorization:", b" ", b"\xff")  # fmt: skip
    for unit in units:
        line = unit * (50_000 // len(unit)) + b"\n"
        began = time.perf_counter()
        assert redacted(preset, line).endswith(b"\n")
        assert time.perf_counter() - began < 2.0, unit


def test_a_line_full_of_finds_is_cut_short() -> None:
    """After a thousand finds in a line the rest of it is replaced as one; a body cannot grow without bounds."""
    redactor = Redactor(Redact(patterns={"x": "a.*b|a"}))
    began = time.perf_counter()
    found = redactor.redact(b"a" * 100_000 + b"\nb\n", [100_001, 2])
    assert time.perf_counter() - began < 5.0
    assert found
    assert len(found[0]) < 20_000
    assert found[0].endswith(b"b\n")


def test_how_much_is_cut_short_does_not_depend_on_the_neighbours() -> None:
    """The thousand finds are those of one line, wherever it stands in a slice; what a check refuses is a find, too."""
    card, wrong = b"4111111111111111 ", b"4111111111111112 "
    for line in (card * 1500, wrong * 1500, card * 1000, card * 999 + b"x" + wrong * 5):
        alone = redacted("credit_card", line + b"\n")
        for before in (b"", card + b"\n", (card * 700 + b"\n") * 3, (card * 1002 + b"\n") * 2):
            both = redacted("credit_card", before + line + b"\n")
            assert both.endswith(b"\n" + alone if before else alone)
            assert not before or both == redacted("credit_card", before) + alone
    assert redacted("credit_card", wrong * 1500 + b"\n") == wrong * 1000 + b"[redacted credit_card]\n"


def test_a_record_of_nothing_but_marks_does_not_grow_without_bounds() -> None:
    """Where marks would make a record many times longer, one says so; its neighbours are what they were."""
    redactor = Redactor(Redact(patterns={"x": "a"}))
    assert redactor.redact(b"ab\n" + b"a" * 900 + b"\nba\n", [3, 901, 3]) == (
        b"[redacted x]b\n[redacted: more marks than text]\nb[redacted x]\n",
        [14, 33, 14],
    )


@pytest.mark.parametrize(
    "keys",
    [{}, {"patterns": {"x": "("}}, {"patterns": {"x": "a*"}}, {"patterns": {"email": "a"}}],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, dict[str, str]]) -> None:
    """Nothing to replace, no pattern, a pattern that matches everywhere, a name that is taken."""
    with pytest.raises(UsageError):
        Redact(**keys)  # type: ignore[arg-type]
