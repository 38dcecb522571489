"""Lines as today's services write them, for the benchmarks: a shape is how a line looks, its fields are random.

No record is repeated. Messages are of sixty kinds with random fields, severities as in real services: nine in ten are
routine. So `zstd -1` makes 4 to 7 of such files, as it does of real logs.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORDS: Final = [
    "order",
    "payment",
    "user",
    "session",
    "cache",
    "request",
    "response",
    "queue",
    "worker",
    "index",
    "shard",
    "replica",
    "token",
    "upstream",
    "backend",
    "retry",
    "batch",
    "job",
    "cluster",
    "node",
    "config",
    "schema",
    "stream",
    "cursor",
    "lease",
    "lock",
    "snapshot",
    "segment",
    "bucket",
    "object",
    "volume",
    "invoice",
    "customer",
    "catalog",
    "basket",
    "voucher",
    "shipment",
    "courier",
    "warehouse",
    "rate",
    "limit",
    "quota",
    "digest",
    "signature",
    "handshake",
]
VERBS: Final = [
    "accepted",
    "created",
    "expired",
    "failed",
    "finished",
    "loaded",
    "merged",
    "moved",
    "opened",
    "placed",
    "read",
    "refused",
    "sent",
]
LEVELS: Final = (("info", 80), ("debug", 8), ("warning", 8), ("error", 4))
WRITTEN_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
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
        seconds = self.at_us // 10**6
        return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def records(seed: int) -> Iterator[Record]:
    """Yield records without end, the same for the same seed."""
    rng = random.Random(seed)
    kinds = [_kind(rng) for _ in range(60)]
    loggers = [f"com.example.{rng.choice(WORDS)}.{rng.choice(WORDS).title()}Service" for _ in range(20)]
    names, weights = [name for name, _ in LEVELS], [weight for _, weight in LEVELS]
    at_us = 0
    while True:
        at_us += rng.randint(20, 4_000)
        level = rng.choices(names, weights)[0]
        yield Record(at_us, level, rng.choice(loggers), rng.randint(1, 48), rng.choice(kinds)(rng))


def _kind(rng: random.Random) -> Callable[[random.Random], str]:
    """Return a kind of message: a fixed text with one to three random fields."""
    start = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {rng.choice(VERBS)}"
    fields = [
        (rng.choice(WORDS), rng.choice((_number, _hexadecimal, _address, _path))) for _ in range(rng.randint(1, 3))
    ]
    end = f"by {rng.choice(WORDS)} {rng.choice(WORDS)}" * rng.randint(0, 1)
    return lambda rng: f"{start} {' '.join(f'{name} {make(rng)}' for name, make in fields)} {end}".rstrip()


def _number(rng: random.Random) -> str:
    return str(rng.randint(0, 10 ** rng.randint(1, 7)))


def _hexadecimal(rng: random.Random) -> str:
    return f"{rng.getrandbits(48):012x}"


def _address(rng: random.Random) -> str:
    return f"10.{rng.randint(0, 31)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def _path(rng: random.Random) -> str:
    return f"/{rng.choice(WORDS)}s/{rng.randint(1, 99_999)}/{rng.choice(WORDS)}"


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


def write(path: Path, shape: str, size_bytes: int) -> int:
    """Write about `size_bytes` of a shape; return how many lines."""
    make = SHAPES[shape]
    source = records(len(shape))
    lines = written = 0
    with path.open("wb") as file:
        while written < size_bytes:
            part: list[str] = []
            size = 0
            while size < WRITTEN_BYTES and written + size < size_bytes:
                part.append(make(next(source)))
                size += len(part[-1]) + 1
            written += file.write("\n".join([*part, ""]).encode())
            lines += len(part)
    return lines
