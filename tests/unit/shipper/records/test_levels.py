"""Levels: what each format of an input reads, and what it does not."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.severity import UNSTATED
from shipper.records.levels import FormatName, Said, reader_of

ALL = (
    b"2024-01-02 15:04:05,678 [main] WARN x\n",
    b'{"level":"warn"}\n',
    b'{"sev":"warn"}\n',
    b"level=warn\n",
    b"sev=warn\n",
    b"<36>x\n",
    b"W0102 15:04:05.678901 1 main.go:7] x\n",
    b"W/Tag( 1702): x\n",
    b"123:M 01 Jan 2024 00:00:00.000 # x\n",
    b'{"log":"WARN x\\n","stream":"stdout","time":"2024-01-02T15:04:05Z"}\n',
    b"2024-01-02T15:04:05Z stdout F WARN x\n",
    b"W, [2024-01-02T15:04:05 #12]  WARN -- : x\n",
)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (Said(), "44-4-4444444"),
        (Said("docker"), "44-4-4444444"),
        (Said("plain"), "------------"),
        (Said("json"), "-4----------"),
        (Said("json", "sev"), "--4---------"),
        (Said("logfmt"), "---4--------"),
        (Said("logfmt", "sev"), "----4-------"),
        (Said("syslog"), "-----4------"),
        (Said("systemd"), "-----4------"),
        (Said("klog"), "------4-----"),
        (Said("redis"), "--------4---"),
        (Said("ruby"), "-----------4"),
        (Said("log4j"), "4-----------"),
        (Said("pattern", pattern=r"(?:sev=|\[main\] )(?P<level>\w+)"), "4---4-------"),
        (Said("pattern", pattern=r"(?P<level>sev|main\b)", levels={"MAIN": "emerg"}), "0-----0-----"),
        (Said("pattern", pattern=r"^\[|(?P<level>stdout)", levels={"stdout": "debug"}), "---------77-"),
    ],
)
def test_each_format_reads_its_own(said: Said, read: str) -> None:
    """One format of an input states nothing where another one would."""
    assert reader_of(said)(b"".join(ALL)).decode() == read


NEXTCLOUD = {"0": "debug", "1": "info", "2": "warning", "3": "err", "4": "crit", "Odd": "notice"}


@pytest.mark.parametrize(
    ("said", "line", "digit"),
    [
        (Said("json", "log.level"), '{"x":1,"log":{"y":"]","level":"warn"}}', "4"),
        (Said("json", "log.level"), '{"log":{"level":"warn"},"log.level":"info"}', "6"),
        (Said("json", "log.level"), '{"log":{"level":50}}', "3"),
        (Said("json", "log.level"), '{"log":{"level":true}}', "-"),
        (Said("json", "log.level"), '{"log":"level","level":"warn"}', "-"),
        (Said("json", "log.level"), '{"log":{"level":"warn"}', "-"),
        (Said("json", "a.b.c"), '{"a":{"b":{"c":"error"}}}', "3"),
        (Said("json", "a.b.c"), '{"a.b":{"c":"error"}}', "3"),
        (Said("json", "a.b.c", levels={"3": "alert"}), '{"a":{"b.c":3}}', "1"),
        (Said("json", levels=NEXTCLOUD), '{"reqId":"x","level":3,"time":"2025"}', "3"),
        (Said("json", levels=NEXTCLOUD), '{"reqId":"x","level":0}', "7"),
        (Said("json", levels=NEXTCLOUD), '{"level":"4"}', "2"),
        (Said("json", levels=NEXTCLOUD), '{"level":"odd"}', "5"),
        (Said("json", levels=NEXTCLOUD), '{"level":2,"severity":"ERROR"}', "3"),
        (Said("json", levels=NEXTCLOUD), '{"level":"info"}', "6"),
        (Said("json", levels=NEXTCLOUD), '{"level":9,"msg":"level 3"}', "-"),
        (Said("json", "lvl", levels={"-1": "debug"}), '{"level":"error","lvl":-1}', "7"),
        (Said("logfmt", levels=NEXTCLOUD), 'msg="level=3 x" level=1', "6"),
        (Said("logfmt", "sev", levels=NEXTCLOUD), 'level=error sev="Odd"', "5"),
        (Said("json"), '{"level":30,"severity":"ERROR","time":1}', "3"),
        (Said(), '{"level":30,"time":1,"severity":"ERROR"}', "3"),
        (Said(), '{"severity":"ERROR","level":30,"time":1}', "3"),
        (Said(), '{"level":"30","time":1,"log":{"level":"warn"}}', "4"),
    ],
)
def test_levels_of_another_scale_or_in_an_object(said: Said, line: str, digit: str) -> None:
    """By the operator's words and numbers, at a path of keys; a word is preferred to a number."""
    body = line.encode() + b"\n"
    assert reader_of(said)(body + b"x\n\n" + body[:-1]).decode() == f"{digit}--{digit}"


@given(
    said=st.sampled_from(
        [
            Said("pattern", pattern="(?P<level>x)"),
            Said("json", "sev"),
            Said("logfmt", "sev"),
            Said("json", "log.level"),
            Said("json", levels=NEXTCLOUD),
            Said("logfmt", levels=NEXTCLOUD),
        ]
    )
    | st.sampled_from([name for name in get_args(FormatName) if name != "pattern"]).map(Said),
    body=st.lists(st.sampled_from([*ALL, b"\n", b"a", b"x\n", b"\r", b"\0\xff\n"])).map(b"".join),
    times=st.sampled_from([1, 5_000]),
)
def test_every_line_gets_an_answer(said: Said, body: bytes, times: int) -> None:
    """The number of answers is that of the lines, whatever reads them: nobody counts again before publishing."""
    body *= times if len(body) < 100 else 1  # enough, now and then, for the quick ways of large bodies
    answers = reader_of(said)(body)
    assert len(answers) == body.count(b"\n") + bool(body and not body.endswith(b"\n"))
    assert set(answers) <= set(b"01234567" + UNSTATED)
