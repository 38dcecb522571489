"""Severity: the words of the eight levels, and which level a record states."""

import importlib
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logbus.errors import UsageError
from logbus.severity import LineReader, Severity, classify, parse_severity, severity_of_word, stated
from logbus.severity.formats import FORMATS, Format, line_pattern

PARSER = importlib.import_module("re._parser")  # there is no public one

STATED = {
    Severity.EMERG: rb"""
<0>kernel panic
[2024-01-01 00:00:00] production.EMERGENCY: down
{"level":"emergency"}
""",
    Severity.ALERT: rb"""
<33>1 2003-10-11T22:14:15Z host su - ID47 - failed
[Sun Dec 04 04:47:44 2005] [alert] down
{"PRIORITY":"1","MESSAGE":"x"}
""",
    Severity.CRIT: rb"""
[01-Jan-2024 00:00:00 UTC] PHP Fatal error:  Uncaught
2024-01-01 00:00:00 UTC [12] FATAL:  role "x" does not exist
- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS APP FATAL ciod: failed
F0102 15:04:05.678901       1 main.go:7] out of memory
{"level":60,"msg":"pino"}
[12:00:00 FTL] serilog
crit: Microsoft.Hosting.Lifetime[0]
2024-01-02 15:04:05,678 CRIT Supervisor is running as root
2024-01-02T15:04:05.678Z CRIT x
fatal: not a git repository
""",
    Severity.ERR: rb"""
2024/01/01 00:00:00 [error] 123#0: *1 open() "/x" failed
[Sun Dec 04 04:47:44.123456 2005] [core:error] [pid 1:tid 2] AH00001: x
2024-01-01 00:00:00 UTC [123] ERROR:  syntax error
2024-01-01 00:00:00.000 CET [123-1] user@db ERROR:  syntax error
03-17 16:13:38.811  1702  2395 E WindowManager: x
ERRO[0000] logrus
ERROR
ERROR: x
[ERROR] x
error: x
fail: Microsoft.Hosting.Lifetime[0]
SEVERE: java.util.logging
2015-07-29 19:35:31,389 - ERROR [RecvWorker:188978561024:QuorumCnxManager$RecvWorker@762] - broken
{"@t":"2024-01-01","@l":"Error","@mt":"serilog"}
lvl=eror msg=log15
{"log":"2024-01-02T15:04:05.678Z\tERROR\tzap\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}
{"log":"{\"ts\":1,\"level\":\"error\"}\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}
{"log":"it states nothing\n","stream":"stderr","time":"2024-01-02T15:04:05.678Z"}
2016-10-06T00:17:09.669794202Z stdout F level=error msg=x
2016-10-06T00:17:09.669794202+01:00 stderr P it states nothing
<11>Jan  1 00:00:00 host app: INFO: the priority counts
""",
    Severity.WARNING: rb"""
WARN - x
WARNING:root:x
[01-Jan-2024 00:00:00 UTC] PHP Warning:  x
1:S 01 Jan 2024 00:00:00.000 # x
<4>[   12.345678] kernel
time="2024-01-01T00:00:00Z" level=warning msg="x"
{"t":{"$date":"2024-01-01T00:00:00.000+00:00"},"s":"W",  "c":"NETWORK"}
2024-01-01 00:00:00,000 - root - WARNING - x
2019-01-01 00:00:00.000000 W | etcdserver: x
{"log.level":"warn","message":"ecs"}
""",
    Severity.NOTICE: rb"""
[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok
[01-Jan-2024 00:00:00] NOTICE: fpm is running
123:M 01 Jan 2024 00:00:00.000 * Ready to accept connections
{"severity":"NOTICE"}
""",
    Severity.INFO: rb"""
INFO: retrying after ERROR
INFO  ERROR
{"log":"INFO: x ERROR\n","stream":"stderr","time":"2024-01-02T15:04:05.678Z"}
{"log":"ERROR","level":"info"}
2016-10-06T00:17:09.669794202Z stderr F INFO: x
{"msg":"\"level\":\"error\"","levelname":"INFO"}
{"a":{"level":"error","b":["]","}"]},"Level" : "Information"}
{"priority":1,"level":"info"}
{"priority":"high","severity_text":"INFO"}
{"time":"x","level":30}
level=info msg="level=error"
msg="a \"quoted\" level=error" severity=INFO
2024-01-01T00:00:00Z caller=main.go:1 lvl=info
2024-01-01 00:00:00 UTC [123] LOG:  checkpoint starting
2024-01-01T00:00:00.123456Z 0 [Note] [MY-010116] [Server] starting
2024-01-01 00:00:00.123 | INFO     | module:func:12 - ERROR
[2024-01-01 00:00:00 +0000] [123] [INFO] Booting worker
[2024-01-01T12:00:00,123][INFO ][o.e.n.Node] [node] started
[2024-01-01 12:00:00,123: INFO/MainProcess] Task received
[2024-01-01T12:00:00Z INFO  crate] x
[2024-01-01, 00:00:00 UTC] {file.py:12} INFO - x
[2024-01-01 00:00:00.000][1][info][main] [source/server.cc:1] x
2024-01-01 12:00:00 [scrapy.core.engine] INFO: x
2024-01-01T12:00:00.123+01:00  INFO 12345 --- [  main] c.e.App : x
12:00:00.123 [http-nio-8080-exec-1] INFO  c.e.App - x
01-Jan-2024 00:00:00.123 INFO [main] org.apache.catalina x
2024-01-01 00:00:00.123456+00:00 [info] <0.222.0> x
2024-01-01T00:00:00.000Z [INFO]  agent: x
2024-01-01 12:00:00,123 main INFO x
2024-01-01 12:00:00 com.foo.Bar INFO x
2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack
17/06/09 20:10:40 INFO executor.CoarseGrainedExecutorBackend: x
081109 203615 148 INFO dfs.DataNode$PacketResponder: x
2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop x
nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova.osapi [req-1 - - -] x
- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL INFO instruction cache error
web_1  | 2024-01-01 12:00:00 INFO x
[INFO] --- maven ---
[main] INFO com.foo.Bar - x
 INFO [main] 2024-01-01 12:00:00,123 File.java:12 - x
I, [2024-01-01T12:00:00.123456 #1234]  INFO -- : ruby
I20240102 15:04:05.678901 1 main.cc:7] glog
I/Tag( 1234): brief
03-17 16:13:38.811 I/Tag( 1234): time
2019-01-01T00:00:00.000+0000 I NETWORK  [conn1] x
CONFIG: java.util.logging
Jan 02 15:04:05 INFO x
""",
    Severity.DEBUG: rb"""
V/Tag( 1234): brief
03-17 16:13:38.811  1702  2395 V WindowManager: x
123:M 01 Jan 2024 00:00:00.000 . x
2024-01-01 00:00:00 UTC [123] DEBUG1:  x
{"level":10}
FINEST: java.util.logging
trce: dotnet
level=trace
<191>x
""",
}

UNSTATED = rb"""
connection error while reading
Error while reading
2024-01-01 12:00:00 error while connecting
2024-01-01 12:00:00 Error while connecting
2024-01-01 00:00:00 UTC [123] STATEMENT:  ERROR
2024-01-01 00:00:00 UTC [123] DETAIL:  ERROR
2024-01-01 00:00:00 UTC [123] HINT:  ERROR
Dec 10 06:55:46 LabSZ sshd[24200]: error: Received disconnect
Dec 10 06:55:46 10.0.0.1 sshd[24200]: fatal: Write failed
2024-01-01T00:00:00.1+00:00 web-1 sshd[123]: error: x
2024-01-01T00:00:00.1+00:00 web-1 error: x
Jul  1 09:00:55 calvisitor-10-105-160-95 kernel[0]: ERROR: x
- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 postfix/x[2915]: warning: x
20171223-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579
134681 node-246 unix.hw state_change.unavailable 1077804742 1 Component ERROR
[10.30 16:49:06] chrome.exe - proxy.cse.cuhk.edu.hk:5070 open through ERROR
[10.30 16:54:08] chrome.exe - play.google.com:443 error : Could not connect
127.0.0.1 - - [01/Jan/2024:00:00:00 +0000] "GET /error: HTTP/1.1" 200 12
    at com.foo.Error.main(Error.java:1)
java.lang.IllegalStateException: ERROR
404 ERROR
INFORMATIVE
config: loaded
Errors: 4
<error>x</error>
2024-01-02 15:04:05 INFORMER started
2024-01-02 15:04:05 PST started
{"log":"it states nothing\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}
{"log":"\ud800","stream":"stderr","time":"2024-01-02T15:04:05.678Z"}
2016-10-06T00:17:09.669794202Z stdout F
(error) x
{"msg":"level"}
{"level":{"level":"error"}}
{"msg":"\"level\":\"error\""}
msg="level=error"
{
"""

LINES = [line for block in (*STATED.values(), UNSTATED) for line in block.split(b"\n")]


def digit(level: Severity) -> bytes:
    """Return the digit that stands for a level."""
    return b"%d" % level


@pytest.mark.parametrize("level", Severity)
def test_stated_levels_are_found(level: Severity) -> None:
    """Each line of each known form is classified by the level it states, whatever its text says."""
    for line in STATED[level].strip(b"\n").split(b"\n"):
        for default in (Severity.EMERG, Severity.DEBUG):
            assert classify(line, default) == digit(level), line


@pytest.mark.parametrize("line", UNSTATED.split(b"\n")[1:-1])
def test_no_level_is_invented(line: bytes) -> None:
    """A level word in the text of a record that states none leaves it at the default, F11."""
    assert classify(line, Severity.EMERG) + classify(line, Severity.DEBUG) == b"07"


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_every_format_recognises_its_example(each: Format) -> None:
    """The example of a format states a warning, to that format alone as well as to all of them together."""
    assert classify(each.example) == b"4"
    alone, together = (line_pattern(formats).findall(b"\n" + each.example) for formats in ([each], FORMATS))
    assert alone == together


def test_the_first_of_several_formats_counts() -> None:
    """A reader of some formats reads those, and no others."""
    klog = LineReader(each for each in FORMATS if each.name == "klog")
    assert stated(b"E0102 15:04:05.678901 1 main.go:7] x\nERROR x\n\n", klog) == b"3--"


def test_colours_are_stepped_over() -> None:
    """Terminal colours around a level or a time stamp do not hide the level."""
    assert classify(b"\x1b[33mWARN\x1b[0m x\n\x1b[2m2024-01-01T00:00:00Z\x1b[0m \x1b[31mERROR\x1b[0m x\n") == b"43"


def test_carriage_returns_belong_to_the_line() -> None:
    """Lines ended the Windows way state the same."""
    assert classify(b"[ERROR]\r\nERROR\r\nlevel=warn\r\nx\r\n") == b"3346"


def test_number_of_digits_is_number_of_records() -> None:
    """Every line has one digit, an empty one and an unterminated last one too."""
    bodies = (b"", b"\n", b"x", b"x\n", b"\n\n", b"x\ny", b"ERROR", b"\r\x00\x0b\x0c\x1c\x85\n\xff")
    assert [len(classify(body)) for body in bodies] == [0, 1, 1, 1, 2, 2, 1, 2]


def test_bodies_longer_than_a_slice() -> None:
    """A body of several MiB is classified like its lines, wherever it is cut inside."""
    line = b"2024-01-01 00:00:00 WARN " + b"x" * 1000 + b"\nERROR: y\nplain\n"
    assert classify(line * 3000, Severity.DEBUG) == b"437" * 3000
    assert classify(b"x" * (3 << 20) + b"\nERROR: y") == b"63"


@settings(deadline=None)  # the first example waits for the pattern to be made
@given(
    st.lists(st.sampled_from(LINES) | st.binary(max_size=40).map(lambda line: line.replace(b"\n", b" ")), max_size=30)
)
def test_a_record_is_classified_by_itself(lines: list[bytes]) -> None:
    """A body's digits are those of its lines one by one: no neighbour and no cut changes any."""
    alone = b"".join(classify(line + b"\n") for line in lines)
    assert classify(b"".join(line + b"\n" for line in lines)) == alone
    if lines and lines[-1]:
        assert classify(b"\n".join(lines)) == alone


FRAGMENTS = sorted({line[start : start + 7] for line in LINES for start in range(0, len(line), 3)})


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.just(b"\n") | st.binary(max_size=3)), st.data())
def test_bodies_may_be_cut_at_any_line_end(fragments: list[bytes], data: st.DataObject) -> None:
    """classify(a + b) is classify(a) + classify(b) wherever a ends in a newline, however broken the lines are."""
    body = b"".join(fragments)
    cuts = [0, *(at + 1 for at, byte in enumerate(body) if byte == ord("\n"))]
    cut = data.draw(st.sampled_from(cuts))
    assert classify(body) == classify(body[:cut]) + classify(body[cut:])
    assert len(classify(body)) == body.count(b"\n") + (body != b"" and not body.endswith(b"\n"))


HEADS = [
    b"",
    b"{",
    b'{"',
    b'{"a":',
    b'{"level":"x",',
    b"[",
    b"2024-01-01 00:00:00 ",
    b"Jan  1 00:00:00 ",
    b"a=b ",
    b"- ",
]
UNITS = [bytes([byte]) for byte in range(256) if byte != ord("\n")] + [
    *(
        b"[]",
        b"[a] ",
        b"[[",
        b"()",
        b"{}",
        b"<a> ",
        b'""',
        b'"a":1,',
        b'"level":1x,',
        b'"level":"x",',
        b'{"a":',
        b'"a":[',
    ),
    *(
        b"[{",
        b'\\"',
        b"a=b ",
        b"level=x ",
        b'a="',
        b"a.b ",
        b"- a ",
        b"A ",
        b"Abc ",
        b"1:",
        b"T1",
        b"INFO",
        b"a - ",
        b"Z ",
    ),
    *(b"2024-01-01 ", b"\x1b[0m", b"\x1b[", b"1 ", b"Jan 1 ", b"main ", b"PHP ", b"# ", b"a.", b"a:"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("head", HEADS)
def test_hostile_lines_take_linear_time(head: bytes) -> None:
    """Lines of 50 kB of any repeated unit are done in milliseconds (backtracking would take minutes), S18."""
    hostile = [head + unit * (50_000 // len(unit)) for unit in UNITS]
    assert len(classify(b"\n".join(hostile))) == len(hostile)


@pytest.mark.timeout(60)
def test_one_endless_line_takes_linear_time() -> None:
    """A line of 8 MiB of JSON pairs, escapes or pairs of logfmt without any level is read once, not over and over."""
    for unit in (b'"level":"x",', b'"a":"\\"",', b'"a":[[[[]]]],', b"level=x ", b"[a] "):
        head = b"{" if unit.startswith(b'"') else b""
        assert classify(head + unit * ((8 << 20) // len(unit))) == b"6"


def test_words() -> None:
    """Usual words and letters in any case name their severity; others name none."""
    words = (b"WARN", b"warning", b"Fatal", b"w", b"E", b"SEVERE", b"trace", b"emerg", b"eRRoR", b"panic")
    assert [severity_of_word(word) for word in words] == [4, 4, 2, 4, 3, 3, 7, 0, 3, 0]
    assert [severity_of_word(word) for word in (b"", b"combo", b"\xff", b"X")] == [None] * 4


def test_each_severity_names_itself() -> None:
    """The word of each severity is read back as that severity, from a flag as from a record."""
    assert [parse_severity(f" {level.word.upper()} ") for level in Severity] == list(Severity)
    assert classify(b"".join(b"level=%s\n" % level.word.encode() for level in Severity)) == b"01234567"


def test_unknown_severity_is_a_usage_error() -> None:
    """A flag that names no level is refused with the list of those there are."""
    with pytest.raises(UsageError, match="emerg, alert, crit, err, warning, notice, info, debug"):
        parse_severity("loud\n")


def possessive_choices(tree: Iterable[tuple[object, object]], *, inside: bool = False) -> Iterator[str]:
    """Yield what a possessive repeat contains that could be tried in another way, of a pattern as `re` parses it."""
    for operation, argument in tree:
        name = str(operation)
        if inside and name in ("MAX_REPEAT", "MIN_REPEAT", "BRANCH"):
            yield name
        for part in subpatterns(argument):
            yield from possessive_choices(part, inside=inside or name == "POSSESSIVE_REPEAT")


def subpatterns(argument: object) -> Iterator[Iterable[tuple[object, object]]]:
    """Yield the patterns within an operation's argument."""
    if isinstance(argument, PARSER.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for each in argument:
            yield from subpatterns(each)


def test_no_choice_is_repeated_possessively() -> None:
    """`(?:a|bc?)*+` misses matches up to Python 3.11.4, which Debian 12 has; `words.repeated` does not."""
    assert list(possessive_choices(PARSER.parse(rb"(?:a|bc?)*+")))
    assert not list(possessive_choices(PARSER.parse(line_pattern().pattern)))
