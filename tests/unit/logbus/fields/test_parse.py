"""What records of the usual loggers say: message, fields, format."""

import json

import pytest

from logbus.fields import Parsed, parse, parse_all

OBJECTS = r"""
{"level":30,"time":1,"pid":2,"msg":"a b"}|a b
{"message":"first","msg":"second"}|first
{"Message":"x","Level":"Error"}|x
{"@t":"2024-01-02T15:04:05Z","@mt":"took {Ms}","Ms":5}|took {Ms}
{"@message":"x","@level":"info"}|x
{"version":"1.1","host":"h","short_message":"x","level":3}|x
{"MESSAGE":"x","PRIORITY":"3"}|x
{"MESSAGE":[104,105],"PRIORITY":"3"}|hi
{"event":"login","user":"jo"}|login
{"body":{"stringValue":"x"},"severityNumber":9}|x
{"jsonPayload":{"message":"x"},"severity":"INFO"}|x
{"textPayload":"x"}|x
{"fields":{"message":"x","id":1},"target":"shop"}|x
{"text":"2024 | x\n","record":{"message":"x"}}|x
{"msg":"","event":"x"}|x
{"message":"é\n\u00e9 \ud83d\ude00"}|é\né 😀
{"message":"a\ud800b"}|a\ud800b
{"message":"x","n":NaN,"i":-Infinity,"f":1e400}|x
"""


@pytest.mark.parametrize("case", OBJECTS.strip().splitlines())
def test_the_message_of_an_object(case: str) -> None:
    """It is the first text under a key that loggers use; the fields are the whole object."""
    record, _, message = case.rpartition("|")
    found = parse(record.encode())
    expected = message.replace("é\\n", "é\n")
    assert (found.message.decode(), found.format, found.stream) == (expected, "json", "")
    assert list(found.fields) == list(json.loads(record))


@pytest.mark.parametrize(
    "record", ['{"a":1}', '{"message":5}', '{"message":{"a":"b"}}', '{"eventName":"PutObject"}', "{}"]
)
def test_an_object_without_a_message(record: str) -> None:
    """The record itself is the message."""
    assert parse(record.encode() + b"\r\n") == Parsed(record.encode(), json.loads(record), "json")


@pytest.mark.parametrize(
    "record",
    [b'{"a":1} x', b'{"a":', b"[1,2]", b'"a"', b"1", b"{a:1}", b"", b"{", b'{"a":' * 200 + b"1" + b"}" * 200],
)
def test_what_is_no_object(record: bytes) -> None:
    """Such a record is text; so is what is nested too deep."""
    assert parse(record) == Parsed(record, {}, "text")


def test_values_that_are_not_quite_json() -> None:
    """Numbers are exact or text, what is no character is an escape, and the last of two keys counts."""
    digits = b"9" * 5000
    record = (
        b'{"a":%b,"b":123456789012345678901234567890,"c":1e999,"d":"\xff\t","e":1,"e":2,"f":"\\udc80\\\\ud800"}'
        % digits
    )
    assert parse(record).fields == {
        "a": digits.decode(),
        "b": 123456789012345678901234567890,
        "c": "1e999",
        "d": "\\xff\t",
        "e": 2,
        "f": "\\udc80\\ud800",
    }


def test_objects_in_several_lines_and_behind_something() -> None:
    """Printed prettily; behind a mark, a cookie, a stamp, columns; with a trace behind."""
    assert parse(b'{\n  "msg": "x"\n}\n').message == b"x"
    assert parse(b'\xef\xbb\xbf {"msg":"x"}').message == b"x"
    assert parse(b'@cee: {"msg":"x"}').message == b"x"
    assert parse(b'{"msg":"x"}\njava.lang.Error\n\tat a').message == b"x\njava.lang.Error\n\tat a"
    assert parse(b'2024-01-02T15:04:05Z {"msg":"x"}') == Parsed(b"x", {"msg": "x"}, "json")
    found = parse(b'Nov 24 10:00:00 web app[7]: @cee:{"msg":"x","host":"inner","n":1}')
    assert found == Parsed(b"x", {"host": "web", "program": "app", "pid": "7", "msg": "x", "n": 1}, "syslog")
    assert parse(b'2024-01-02T15:04:05Z {"msg":"x"} y') == Parsed(b'2024-01-02T15:04:05Z {"msg":"x"} y', {}, "text")


def test_logfmt() -> None:
    """Pairs with quotes and escapes, bare keys; without a message, the record itself."""
    found = parse(b'ts=1 level=info msg="a \\"b\\"\\n\\u00e9" ok empty= n=5')
    assert found.message.decode() == 'a "b"\né'
    assert found.fields == {"ts": "1", "level": "info", "msg": 'a "b"\né', "ok": "", "empty": "", "n": "5"}
    assert parse(b"a=1 b=2") == Parsed(b"a=1 b=2", {"a": "1", "b": "2"}, "logfmt")
    assert parse(b"msg=x a=1\nmore").message == b"x\nmore"
    for text in (b"a=1 is what it says", b"the a=1", b'a="1', b"x", b"a=b\x0bc=d e", b"http://a/?b=c"):
        assert parse(text) == Parsed(text, {}, "text")


TRACE = (
    b"2024-01-02T15:04:05.1Z stderr F ERROR disk\n"
    b"2024-01-02T15:04:05.2Z stderr P \tat org.\n"
    b"2024-01-02T15:04:05.3Z stdout F other\n"
    b"2024-01-02T15:04:05.4Z stderr F acme.App\n"
)


def test_what_container_runtimes_wrap() -> None:
    """Pieces are joined, the streams apart, in the order of their first pieces."""
    assert parse(TRACE) == Parsed(b"disk\n\tat org.acme.App\nother", {"level": "ERROR"}, "prefix", "stderr")
    line = b'{"log":"%b","stream":"stdout","time":"2024-01-02T15:04:05Z"}\n'
    assert parse(line % b'{\\"msg\\":' + line % b'\\"x\\"}\\n') == Parsed(b"x", {"msg": "x"}, "json", "stdout")
    assert parse(b"2024-01-02T15:04:05Z stdout F \n") == Parsed(b"", {}, "text", "stdout")
    assert parse(line % b"a\xff\\r\\n") == Parsed(b"a\\xff", {}, "text", "stdout")
    assert parse(b'{"log":"x","stream":"stdout"}').format == "json"
    collected = b'{"log":"x\\n","stream":"stdout","time":"1","kubernetes":{"pod":"a"}}'
    assert (parse(collected).message, parse(collected).stream) == (b"x", "")
    assert parse(TRACE.replace(b"\n", b"\nnot wrapped\n", 1)).message.startswith(b"disk\nnot wrapped\n\tat")


def test_parse_all_is_parse() -> None:
    """The short way and the long one say the same."""
    records = [case.encode() + b"\n" for case in OBJECTS.splitlines()] + [
        TRACE,
        b'{"a":"\xff"}',
        b"",
        b"{}",
        b'{"a":1}\r\n',
    ]
    records += [case.rpartition("|")[0].encode() for case in OBJECTS.strip().splitlines()]
    assert list(parse_all(records)) == [parse(each) for each in records]
