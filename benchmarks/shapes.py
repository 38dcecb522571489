"""Lines as today's services write them, for the benchmarks: a shape is how a line looks, its fields are random.

No record is repeated. Messages are of sixty kinds with random fields, severities as in real services: nine in ten are
routine. So `zstd -1` makes 4 to 7 of such files, as it does of real logs.
"""

import functools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

WORDS: Final = [
    "order", "payment", "user", "session", "cache", "request", "response", "queue", "worker", "index", "shard",
    "replica", "token", "upstream", "backend", "retry", "batch", "job", "cluster", "node", "config", "schema", "stream",
    "cursor", "lease", "lock", "snapshot", "segment", "bucket", "object", "volume", "invoice", "customer", "catalog",
    "basket", "voucher", "shipment", "courier", "warehouse", "rate", "limit", "quota", "digest", "signature",
    "handshake",
]  # fmt: skip
VERBS: Final = [
    "accepted", "created", "expired", "failed", "finished", "loaded", "merged", "moved", "opened", "placed", "read",
    "refused", "sent",
]  # fmt: skip
LEVELS: Final = ["info"] * 80 + ["debug"] * 8 + ["warning"] * 8 + ["error"] * 4
WRITTEN_BYTES: Final = 1 << 20
Random = Callable[[], float]
"""A number from 0 up to 1: several times as fast as the other ways to ask for one."""


class Record(NamedTuple):
    """What a line says: `at_us` is since midnight, `level` one of info, debug, warning and error."""

    at_us: int
    level: str
    logger: str
    thread: int
    text: str

    def time(self, separator: str = " ", fraction: str = ",", digits: int = 3) -> str:
        """Return date and time."""
        return f"2026-11-24{separator}{self.clock()}{fraction}{self.at_us % 10**6:06d}"[: 20 + digits]

    def clock(self) -> str:
        """Return hours, minutes and seconds."""
        return _clock(self.at_us // 10**6)


@functools.lru_cache(16)
def _clock(seconds: int) -> str:
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def records(seed: int) -> Iterator[Record]:
    """Yield records without end, the same for the same seed."""
    rng = random.Random(seed)
    kinds = [_kind(rng) for _ in range(60)]
    loggers = [f"com.example.{rng.choice(WORDS)}.{rng.choice(WORDS).title()}Service" for _ in range(20)]
    rand, at_us = rng.random, 0
    while True:
        at_us += 20 + int(rand() * 4_000)
        level, logger = LEVELS[int(rand() * 100)], loggers[int(rand() * 20)]
        yield Record(at_us, level, logger, 1 + int(rand() * 48), kinds[int(rand() * 60)](rand))


def _kind(rng: random.Random) -> Callable[[Random], str]:
    """Return a kind of message: a fixed text with one to three random fields."""
    makers = (_number, _hexadecimal, _address, _path)
    fields = [(f" {rng.choice(WORDS)} ", rng.choice(makers)) for _ in range(rng.randint(1, 3))]
    start = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(VERBS)}"
    end = f" by {rng.choice(WORDS)} {rng.choice(WORDS)}" * rng.randint(0, 1)
    return lambda rand: start + "".join([name + make(rand) for name, make in fields]) + end


def _number(rand: Random) -> str:
    return str(int(10 ** (7 * rand())))


def _hexadecimal(rand: Random) -> str:
    return f"{int(rand() * 2**48):012x}"


def _address(rand: Random) -> str:
    return f"10.{int(rand() * 32)}.{int(rand() * 256)}.{int(rand() * 256)}"


def _path(rand: Random) -> str:
    return f"/{WORDS[int(rand() * 45)]}s/{int(rand() * 99_999)}/{WORDS[int(rand() * 45)]}"


UPPER: Final = {"info": "INFO", "debug": "DEBUG", "warning": "WARN", "error": "ERROR"}
PYTHON: Final = {**UPPER, "warning": "WARNING"}
SHORT: Final = {"info": "INF", "debug": "DBG", "warning": "WRN", "error": "ERR"}
LETTER: Final = {"info": "I", "debug": "I", "warning": "W", "error": "E"}
WORD: Final = {**{name: name for name in UPPER}, "warning": "warn"}
PRIORITY: Final = {"info": 134, "debug": 135, "warning": 132, "error": 131}
STATUS: Final = {"info": 200, "debug": 304, "warning": 404, "error": 502}


def _cri(each: Record, text: str) -> str:
    return f"{each.time('T', '.', 6)}789Z stdout F {text}"


def _docker(each: Record, text: str) -> str:
    return json.dumps(
        {"log": text + "\n", "stream": "stdout", "time": each.time("T", ".", 6) + "789Z"}, separators=(",", ":")
    )


def _object(each: Record, *, first: bool) -> str:
    level = {"level": WORD[each.level]}
    rest = {
        "logger": each.logger,
        "msg": each.text,
        "trace_id": f"{each.at_us * 0x9E3779B97F4A7C15 % 2**64:016x}",
        "http": {"method": "GET", "status": STATUS[each.level], "ms": each.at_us % 997},
    }
    ordered = {"ts": each.time("T", ".") + "Z"} | (level | rest if first else rest | level)
    return json.dumps(ordered, separators=(",", ":"))


def _access(each: Record) -> str:
    day = f"24/Nov/2026:{each.clock()} +0000"
    asked = f"GET /{each.text.split()[0]}s/{each.at_us % 99_991} HTTP/1.1"
    address = f"10.{each.thread}.{each.at_us % 251}.{each.at_us % 241}"
    return f'{address} - - [{day}] "{asked}" {STATUS[each.level]} {each.at_us % 65_521} "-" "Mozilla/5.0 (X11; Linux)"'


def _postgres(each: Record) -> str:
    word = {"info": "LOG", "debug": "LOG", "warning": "WARNING", "error": "ERROR"}[each.level]
    return f"{each.time(fraction='.')} UTC [{20_000 + each.thread}] app@shop {word}:  {each.text}"


def _syslog(each: Record) -> str:
    return (
        f"Nov 24 {each.clock()} web-{each.thread % 8} {each.logger.split('.')[2]}[{1_000 + each.thread}]: {each.text}"
    )


MIXED: Final = ("ISO 8601", "access log", "JSON, level first", "Python", "plain", "syslog")
SHAPES: Final[dict[str, Callable[[Record], str]]] = {
    "log4j": lambda each: f"{each.time()} {UPPER[each.level]:5} [worker-{each.thread}] {each.logger} - {each.text}",
    "ISO 8601": lambda each: f"{each.time('T', '.')}Z {UPPER[each.level]} {each.logger} {each.text}",
    "Spring Boot": lambda each: (
        f"{each.time(fraction='.')}  {UPPER[each.level]:>5} 4711 --- [nio-8080-exec-{each.thread}] {each.logger:40} : "
        f"{each.text}"
    ),
    "Rust tracing": lambda each: (
        f"{each.time('T', '.', 6)}Z {UPPER[each.level]:>5} shop::{each.logger.split('.')[2]}: {each.text}"
    ),
    "Python": lambda each: f"{each.time()} - {each.logger} - {PYTHON[each.level]} - {each.text}",
    "Serilog": lambda each: f"[{each.clock()} {SHORT[each.level]}] {each.text}",
    "log4j2": lambda each: (
        f"{each.clock()}.{each.at_us // 1000 % 1000:03d} [worker-{each.thread}] {UPPER[each.level]:5} {each.logger} - "
        f"{each.text}"
    ),
    "nginx error": lambda each: (
        f"2026/11/24 {each.clock()} [{WORD[each.level]}] 77#{each.thread}: *{each.at_us % 9973} {each.text}, "
        f"client: 10.0.0.{each.thread}"
    ),
    "access log": _access,
    "syslog": _syslog,
    "syslog with PRI": lambda each: f"<{PRIORITY[each.level]}>{_syslog(each)}",
    "klog": lambda each: (
        f"{LETTER[each.level]}1124 {each.clock()}.{each.at_us % 10**6:06d}       1 {each.logger.split('.')[2]}.go:"
        f"{each.thread}] {each.text}"
    ),
    "logfmt": lambda each: (
        f'time={each.time("T", ".")}Z level={WORD[each.level]} logger={each.logger} msg="{each.text}" '
        f"thread={each.thread}"
    ),
    "zap console": lambda each: (
        f"{each.time('T', '.')}Z\t{UPPER[each.level]}\t{each.logger.split('.')[2]}/main.go:{each.thread}\t{each.text}"
    ),
    "JSON, level first": lambda each: _object(each, first=True),
    "JSON, level last": lambda each: _object(each, first=False),
    "docker, JSON": lambda each: _docker(each, _object(each, first=True)),
    "CRI, JSON": lambda each: _cri(each, _object(each, first=False)),
    "CRI, log4j": lambda each: _cri(each, SHAPES["log4j"](each)),
    "PostgreSQL": _postgres,
    "Go": lambda each: f"2026/11/24 {each.clock()} {each.text}",
    "plain": lambda each: each.text,
    "mix": lambda each: SHAPES[MIXED[each.at_us % len(MIXED)]](each),
}
"""Name -> how a record looks in it."""


def _trace(each: Record) -> str:
    """Return a line, or now and then an error with its stack trace."""
    if each.at_us % 20:
        return SHAPES["log4j"](each)
    rng = random.Random(each.at_us)
    thrown = [f"{each.logger}Exception: {each.text}", *_frames(rng, 30)]
    cause = [f"Caused by: java.io.IOException: {each.text.split()[0]} {each.at_us}", *_frames(rng, 12), "\t... 27 more"]
    return "\n".join([SHAPES["log4j"](each._replace(level="error")), *thrown, *cause * (each.at_us // 20 % 2)])


def _frames(rng: random.Random, most: int) -> list[str]:
    classes = [(rng.choice(WORDS), rng.choice(VERBS).title()) for _ in range(rng.randint(most // 3, most))]
    return [
        f"\tat com.example.{name}.{kind}Handler.{kind.lower()}({kind}Handler.java:{rng.randint(10, 990)})"
        for name, kind in classes
    ]


def _with_address(each: Record) -> str:
    """Return a line, every hundredth with an e-mail address."""
    line = SHAPES["log4j"](each)
    return line if each.at_us % 100 else f"{line} for {each.text.split()[0]}.{each.at_us}@mail.example.com"


OTHERS: Final[dict[str, Callable[[Record], str]]] = {"stack traces": _trace, "addresses": _with_address}
"""What `multiline` and `redact` are measured with."""


def write(path: Path, shape: str, size_bytes: int) -> int:
    """Write about `size_bytes` of a shape; return how many lines."""
    make = (SHAPES | OTHERS)[shape]
    source = records(len(shape))
    lines = written = 0
    with path.open("wb") as file:
        while written < size_bytes:
            part: list[str] = []
            size = 0
            while size < WRITTEN_BYTES and written + size < size_bytes:
                part.append(make(next(source)))
                size += len(part[-1]) + 1
            data = "\n".join([*part, ""]).encode()
            written += file.write(data)
            lines += data.count(b"\n")
    return lines
