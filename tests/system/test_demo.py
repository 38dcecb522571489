"""The demo, as somebody runs it who has just arrived: its output, its page, and what it leaves behind."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.demo_programs import await_page, configure, start_sink
from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system, pytest.mark.timeout(240)]

LOG_LINE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.", re.MULTILINE)
LINES_BEFORE_MAX = 60


def printed(demo: Program) -> str:
    """Return what the demo printed so far."""
    return demo.printed().decode(errors="backslashreplace")


@contextmanager
def logged_in(text: str) -> Iterator[httpx.Client]:
    """Give a browser's session on the page, by the URL and the token that the demo printed."""
    found = re.search(r"^web page: (http://127\.0\.0\.1:[0-9]+)/\n   token: (\S+)$", text, re.MULTILINE)
    assert found, text
    with httpx.Client(base_url=found[1], headers={"origin": found[1]}, timeout=30) as client:
        assert client.get("/api/me").status_code == 401
        assert client.post("/login", json={"password": found[2]}).status_code == 200
        yield client


@contextmanager
def demonstrated(start: Start, folder: Path) -> Iterator[Program]:
    """Give a demo that runs in a folder; whatever happens, it gets the time to end what it has started."""
    demo = start("benchmarks.demo", env={**os.environ, "TMPDIR": str(folder), "KEEP": ""})
    try:
        yield demo
    finally:
        demo.terminate()


def test_the_demo_balances_its_books_and_its_page_searches(start: Start, tmp_path: Path, eventually: Until) -> None:
    """Its URL and token let somebody in, its archive can be searched, its figures agree, and nothing is left."""
    with demonstrated(start, tmp_path) as demo:
        eventually(lambda: LOG_LINE.search(printed(demo)) or demo.process.poll() is not None, 120)
        before, _, _ = printed(demo).partition("\n20")
        assert before.count("\n") < LINES_BEFORE_MAX
        with logged_in(printed(demo)) as client:
            eventually(lambda: "event: hits" in client.get("/api/search?text=order").text)
            assert client.get("/").text.startswith("<!doctype html>")
        assert demo.ends(180) == 0, printed(demo) + demo.said()
    assert list(tmp_path.glob("logbus-demo-*")) == []


def test_a_demo_without_the_packages_of_the_page_says_so_in_a_line(
    tmp_path: Path, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where logbus[web] is not installed, the demo goes on without a page, and its line says what to install."""
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "uvicorn.py").write_text("raise ImportError(\"No module named 'uvicorn'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(missing))
    root = tmp_path / "demo"
    root.mkdir()
    configure(root, broker_url)
    page = await_page(root, start_sink(root, "page"))
    assert isinstance(page, str)
    assert page.startswith("no web page: ")
    assert "pip install 'logbus[web]'" in page
    assert "\n" not in page
