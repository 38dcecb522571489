"""Files to ship, the same each time: a block of some megabytes of distinct records, repeated up to the size asked for.

plain   a Java service, 117 bytes a line, one line in ten no INFO
json    a service that logs objects of about 400 bytes, the level among the first keys
short   40 bytes a line
java    the same service as plain, one record in twenty a stack trace of 12 lines
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 16_000_000
PLAIN_BYTES = 117
SHORT_BYTES = 40
LEVELS = ("INFO ", "WARN ", "ERROR", "DEBUG")
WEIGHTS = (90, 5, 3, 2)

Maker = Callable[[int, random.Random], str]
"""(running number, random) -> a record, its last newline included."""


def _head(number: int, rng: random.Random) -> str:
    word = rng.choices(LEVELS, WEIGHTS)[0]
    return f"2026-11-24 10:{number // 60 % 60:02d}:{number % 60:02d},{number % 1000:03d} {word}"


def plain(number: int, rng: random.Random) -> str:
    """Return a line of a Java service."""
    customer = rng.randint(1, 99_999)
    text = (
        f"[worker-{number % 8}] com.example.Orders - order {number} took {rng.randint(1, 999)} ms, customer {customer}"
    )
    return f"{_head(number, rng)} {text}"[: PLAIN_BYTES - 1].ljust(PLAIN_BYTES - 1, ".") + "\n"


def short(number: int, rng: random.Random) -> str:
    """Return a short line."""
    return f"{_head(number, rng)} job {number % 10**5:05d}".ljust(SHORT_BYTES - 1)[: SHORT_BYTES - 1] + "\n"


def json_object(number: int, rng: random.Random) -> str:
    """Return an object as structured loggers write it."""
    record = {
        "time": f"2026-11-24T10:{number // 60 % 60:02d}:{number % 60:02d}.{number % 1000:03d}Z",
        "level": rng.choices(("info", "warn", "error", "debug"), WEIGHTS)[0],
        "logger": "com.example.shop.orders.OrderService",
        "msg": f'order {number} "express" placed: upstream said ERROR, retried {rng.randint(0, 3)} times',
        "trace_id": f"{rng.getrandbits(128):032x}",
        "span_id": f"{rng.getrandbits(64):016x}",
        "http": {"method": "POST", "path": f"/orders/{number}", "status": 201, "ms": rng.randint(1, 999)},
        "customer": rng.randint(1, 99_999),
        "host": f"web-{number % 16}.example.com",
    }
    return json.dumps(record) + "\n"


def java(number: int, rng: random.Random) -> str:
    """Return a line, or now and then an error with its stack trace."""
    if number % 20:
        return plain(number, rng)
    calls = "".join(f"\tat com.example.shop.Orders.step{step}(Orders.java:{100 + step})\n" for step in range(10))
    return (
        f"{_head(number, rng)[:24]}ERROR [worker-1] com.example.Orders - failed\njava.io.IOException: {number}\n{calls}"
    )


CORPORA: dict[str, Maker] = {"plain": plain, "json": json_object, "short": short, "java": java}


def write(path: Path, kind: str, size_bytes: int) -> int:
    """Write at least one record, and about `size_bytes`, of a corpus; return how many lines."""
    block = _block(kind, min(BLOCK_BYTES, size_bytes))
    times, rest = divmod(size_bytes, len(block))
    tail = block[: block.rfind(b"\n", 0, rest) + 1]
    with path.open("wb") as file:
        for _ in range(times):
            file.write(block)
        file.write(tail)
    return times * block.count(b"\n") + tail.count(b"\n")


def _block(kind: str, size_bytes: int) -> bytes:
    rng = random.Random(1)
    parts: list[str] = []
    size = number = 0
    while size < size_bytes:
        parts.append(CORPORA[kind](number, rng))
        size += len(parts[-1])
        number += 1
    return "".join(parts).encode()
