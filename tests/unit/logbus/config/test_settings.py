"""Strict YAML: what is taken, what is refused, and that every refusal says where and why."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from logbus.config.settings import Broker, load, load_document, parse, parse_document
from logbus.errors import ConfigError, UsageError


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input as a shipper might have it."""

    paths: Annotated[list[str], msgspec.Meta(min_length=1)]
    label: str = "app"
    poll_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    fields: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse one label, as a setting's own check would."""
        if self.label == "forbidden":
            raise UsageError("use the label", "it is forbidden", "choose another")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings as a daemon might have them."""

    inputs: list[Input] = msgspec.field(default_factory=list)
    broker: Broker = msgspec.field(default_factory=Broker)
    state: str | None = None
    window: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 64
    quiet: bool = False
    start: Literal["start", "end"] = "start"
    sinks: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)


def cause_of(text: str) -> str:
    """Return why `text` is refused."""
    with pytest.raises(ConfigError) as raised:
        parse(text, Settings, "f.yml")
    return str(raised.value).removeprefix("cannot load the configuration: ")


def test_a_file_becomes_typed_settings(tmp_path: Path) -> None:
    """Numbers, text, lists and mappings arrive as the types say."""
    path = tmp_path / "shipper.yml"
    path.write_text("inputs:\n- paths: [/var/log/*.log]\n  poll_s: 2\n  fields: {team: shop}\nstate: /var/lib/logbus\n")
    settings = load(path, Settings)
    assert settings.inputs == [Input(["/var/log/*.log"], poll_s=2.0, fields={"team": "shop"})]
    assert (settings.state, settings.window, settings.quiet) == ("/var/lib/logbus", 64, False)


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}"])
def test_an_empty_file_means_all_defaults(text: str) -> None:
    """H4: nothing said is nothing changed."""
    assert parse(text, Settings) == Settings()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("window: abc", "f.yml:1: window: expected a whole number, got text 'abc'"),
        ("window: '5'", "f.yml:1: window: expected a whole number, got text '5'"),
        ("window: 1.5", "f.yml:1: window: expected a whole number, got the number 1.5"),
        ("window: 0", "f.yml:1: window: expected a whole number >= 1, got the number 0"),
        ("quiet: 1", "f.yml:1: quiet: expected true or false, got the number 1"),
        ("state: 5", "f.yml:1: state: expected text or nothing, got the number 5 (put it in quotes)"),
        ("\ninputs:\n- paths: []\n", "f.yml:3: inputs[0].paths: expected a list of length >= 1, got an empty list"),
        (
            "\ninputs:\n- paths: [a]\n  fields: {a: yes}",
            "f.yml:4: inputs[0].fields.a: expected text, got yes (put it in quotes)",
        ),
        ("inputs:\n- label: x", "f.yml:2: inputs[0]: the key 'paths' is missing"),
        ("inputs: {}", "f.yml:1: inputs: expected a list, got an empty mapping"),
        ("- a", "f.yml:1: expected a mapping, got a list"),
        ("inputs:\n- paths: [a]\n  label: forbidden", "f.yml:2: inputs[0]: it is forbidden (choose another)"),
        ("start: middle", "f.yml:1: start: expected 'start' or 'end', got text 'middle'"),
        ("state: 2024", "f.yml:1: state: expected text or nothing, got the number 2024 (put it in quotes)"),
    ],
)
def test_a_wrong_value_is_told_in_words(text: str, cause: str) -> None:
    """The line, the key, what was expected and what was there."""
    assert cause_of(text) == cause


def test_an_unknown_key_is_told_with_its_likeness() -> None:
    """H2: line, key, what was probably meant, and what there is."""
    assert cause_of("inputs:\n- paths: [a]\n  lable: x\n") == (
        "f.yml:3: inputs[0].lable: unknown key (did you mean 'label'? known keys: paths, label, poll_s, fields)"
    )
    assert "did you mean" not in cause_of("zzz: 1")


def test_all_problems_are_told_at_once_in_the_order_of_their_lines() -> None:
    """A file with three mistakes is corrected in one go."""
    cause = cause_of("windw: 1\ninputs:\n- pahts: 3\n  poll_s: x\nquiet: maybe\n")
    assert [part.split(":")[1] for part in cause.split("; ")] == ["1", "3", "3", "4", "5"]


def test_very_many_problems_are_counted() -> None:
    """An error stays readable."""
    cause = cause_of("\n".join(f"k{n}: 1" for n in range(500)))
    assert cause.endswith("; and 490 more problems")


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    """The later one does not silently win."""
    assert cause_of("window: 1\nquiet: on\nwindow: 2\n") == "f.yml:3: 'window' is given twice, first on line 1"


@pytest.mark.parametrize(
    "text",
    [
        "state: !!python/object/apply:os.system ['touch pwned']",
        "state: !!python/name:os.system",
        "!!python/object/new:os.system [x]",
        "state: !mine x",
        "state: !!binary aGVsbG8=",
        "sinks: !!set {a, b}",
        "state: !!python/str ${HOME}",
    ],
)
def test_no_tag_builds_an_object(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7: a malicious configuration executes nothing and is refused with its line."""
    monkeypatch.chdir(tmp_path)
    assert cause_of(text).startswith("f.yml:1: ")
    assert "is not allowed: plain values only" in cause_of(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.timeout(30)  # built, it would take all memory; the bound only has to be far from that
def test_an_alias_bomb_is_refused() -> None:
    """S7: aliases count each time they are used, so nine lines cannot stand for a billion values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "aliases counted each time" in cause_of("\n".join(lines))


@pytest.mark.parametrize("text", ["state: &a [*a]", "state: &a {b: *a}", "[" * 50_000, "state: " + "{a: " * 500])
def test_nesting_is_bounded(text: str) -> None:
    """S7: neither a value inside itself nor brackets without end exhaust the stack."""
    assert cause_of(text).endswith("nested deeper than 64 levels")


def test_aliases_within_reason_work() -> None:
    """Saying something once and using it twice is fine."""
    settings = parse("inputs:\n- paths: &p [a]\n- paths: *p\n", Settings)
    assert [each.paths for each in settings.inputs] == [["a"], ["a"]]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "a: [1",
            "f.yml:1: not YAML: expected ',' or ']', but got '<stream end>' (this list is not closed with ])",
        ),
        ("window: 1\n\tquiet: 1", "f.yml:2: not YAML: tabs are not allowed for indentation: use spaces"),
        ("window: 1\n---\nwindow: 2\n", "f.yml:2: not YAML: but found another document"),
        ("quiet: yes\nstate: a\x07b", "f.yml:2: the character U+0007 is not allowed in YAML"),
        ("state: *nowhere", "f.yml:1: not YAML: found undefined alias 'nowhere'"),
        ("<<: {window: 1}", "f.yml:1: merge keys (<<) are not supported: write the keys out"),
        ("[a]: 1", "f.yml:1: a key must be a word"),
        ("window: .inf", "f.yml:1: window: '.inf' cannot be used as float"),
        ("window: 0x_", "f.yml:1: window: '0x_' cannot be used as int"),
        ("window: " + "9" * 5_000, f"f.yml:1: window: '{'9' * 64}' cannot be used as int"),
        ("window: !!int abc", "f.yml:1: window: 'abc' cannot be used as int"),
        ("quiet: !!bool maybe", "f.yml:1: quiet: 'maybe' cannot be used as bool"),
    ],
)
def test_what_is_not_plain_yaml_is_told_with_its_line(text: str, cause: str) -> None:
    """No traceback for a slip of the keyboard."""
    assert cause_of(text) == cause


def test_dates_and_keys_are_text() -> None:
    """YAML's own idea of a date, and of a key called `on`, is not ours."""
    assert parse("state: 2024-05-01", Settings).state == "2024-05-01"
    assert parse_document("on: 1", "f.yml").value == {"on": 1}


def test_a_variable_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """`${NAME}` is the environment's; without quotes its text is read like any other value."""
    monkeypatch.setenv("LOGBUS_TEST_N", "7")
    settings = parse("window: ${LOGBUS_TEST_N}\nstate: '/x/${LOGBUS_TEST_N}'\nquiet: ${NOPE:-on}\n", Settings)
    assert (settings.window, settings.state, settings.quiet) == (7, "/x/7", True)


def test_a_default_stands_in_for_a_variable_unset_or_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell; and an empty default is nothing at all."""
    monkeypatch.setenv("LOGBUS_TEST_EMPTY", "")
    assert parse("state: ${LOGBUS_TEST_EMPTY:-/var}", Settings).state == "/var"
    assert parse("state: ${LOGBUS_TEST_EMPTY:-}", Settings).state is None


def test_two_dollars_are_a_plain_one() -> None:
    """`$${` is how to write a `${` that is no variable."""
    assert parse("state: 'a$${b}$c'", Settings).state == "a${b}$c"


def test_a_missing_variable_is_told_with_its_line() -> None:
    """A forgotten variable is not an empty one."""
    assert cause_of("quiet: on\nstate: ${LOGBUS_TEST_NOPE}") == (
        "f.yml:2: state: the environment variable LOGBUS_TEST_NOPE is not set (a default is ${LOGBUS_TEST_NOPE:-text})"
    )
    assert "names no environment variable" in cause_of("state: '${a b}'")


def test_what_a_variable_holds_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """S13: an error about a value shows how the file writes it."""
    monkeypatch.setenv("LOGBUS_TEST_SECRET", "1234567")
    cause = cause_of("state: ${LOGBUS_TEST_SECRET}\nwindow: ${LOGBUS_TEST_SECRET}\nstart: x${LOGBUS_TEST_SECRET}")
    assert "1234567" not in cause
    assert "got the number ${LOGBUS_TEST_SECRET}" in cause


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A wrong path is one line, exit code 2."""
    with pytest.raises(ConfigError, match=r"missing\.yml: no such file or directory") as raised:
        load(tmp_path / "missing.yml", Settings)
    assert raised.value.exit_code == 2
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path, Settings)


def test_a_file_of_other_bytes_is_told(tmp_path: Path) -> None:
    """Neither latin-1 nor a gigabyte is taken for YAML; a byte order mark does no harm."""
    path = tmp_path / "f.yml"
    path.write_bytes(b"quiet: on\nstate: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"f\.yml:2: not UTF-8"):
        load(path, Settings)
    path.write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load(path, Settings)
    path.write_bytes(b"\xef\xbb\xbfwindow: 5\n")
    assert load(path, Settings).window == 5


def test_a_part_is_converted_to_a_type_chosen_later(tmp_path: Path) -> None:
    """A sink's own keys are checked by the sink's own type, with file and line as ever."""
    path = tmp_path / "sinks.yml"
    path.write_text("sinks:\n  archive:\n    type: file\n    paths: [x]\n  broken:\n    type: file\n    path: x\n")
    document = load_document(path)
    assert document.convert(Input, "sinks", "archive", without={"type"}) == Input(["x"])
    with pytest.raises(ConfigError, match=r"sinks\.yml:7: sinks\.broken\.path: unknown key \(did you mean 'paths'"):
        document.convert(Input, "sinks", "broken", without={"type"})
    with pytest.raises(ConfigError, match=r"sinks\.yml:1: sinks: the key 'nobody' is missing"):
        document.convert(Input, "sinks", "nobody")
    assert str(document.error("no such type", "sinks", "archive", "type")).endswith(
        "sinks.yml:3: sinks.archive.type: no such type"
    )


def test_hostile_text_in_an_error_is_made_visible() -> None:
    """S1: no control character of a configuration reaches the terminal."""
    assert "\x1b" not in cause_of('"a\\e[2Jb": 1')
    assert "\n" not in cause_of('window: "a\\nb"')
