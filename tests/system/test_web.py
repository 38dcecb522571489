"""The web page's server, as a real process: what it sends, to whom, and what it refuses."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sinks.web.http.passwords import line_for
from support.authority import Authority
from support.pages import Page, page_of
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

TOKEN = "a-token-for-a-test"  # noqa: S105 - a test's own


@pytest.fixture
def page(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page that everybody on this host may see."""
    return page_of(start, broker_url, tmp_path, eventually)


@pytest.fixture
def locked(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page for those who know the token."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return page_of(start, broker_url, tmp_path, eventually, "--token-file", token)


def test_records_arrive_filtered_and_go_on_after_a_lost_connection(page: Page) -> None:
    """Somebody sees what the filter wants; who comes back with the last id sees the rest, and nothing twice."""
    page.ship(b"INFO one\nERROR two\nINFO three\n")
    page.ship(b"ERROR four\n", host="db-1")
    found, key = page.records("/api/live?min=err&host=web-*", 1)
    assert [(each["message"], each["host"], each["severity"]) for each in found] == [("ERROR two", "web-1", "err")]
    assert len(str(found[0]["stream"])) == 16
    assert found[0]["offset"] == len(b"INFO one\n")
    page.ship(b"ERROR five\n", host="web-2")
    again, _ = page.records("/api/live?min=err&host=web-*", 1, **{"last-event-id": key})
    assert [each["message"] for each in again] == ["ERROR five"]


def test_what_is_too_much_is_skipped_and_counted(page: Page) -> None:
    """Of far more than a browser can show, shown and skipped records are together exactly what was sent."""
    events = page.events("/api/live")
    assert next(events)[0] == "hello"
    page.ship(b"".join(b"INFO line %d\n" % number for number in range(50_000)))
    shown = skipped = rated = 0
    for name, data, _ in events:
        if name == "records":
            assert isinstance(data, list)
            shown += len(data)
        elif name == "skipped":
            assert isinstance(data, dict)
            assert [each["host"] for each in data["streams"]] == ["web-1"]
            skipped += data["total"]
        elif name == "rates":
            assert isinstance(data, list)
            rated += sum(data)
        if shown + skipped == rated == 50_000:
            break
    assert skipped > 0
    assert shown >= 2_000


def test_a_browser_that_reads_nothing_harms_nobody(page: Page) -> None:
    """While one reads nothing of what it asked for, another sees everything that comes."""
    host, port = page.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(b"GET /api/live HTTP/1.1\r\nHost: %b\r\n\r\n" % f"{host}:{port}".encode())
        page.ship(b"".join(b"%d %b\n" % (number, b"x" * 5_000) for number in range(4_000)))
        page.ship(b"the end\n")
        found, _ = page.records("/api/live?text=end", 1)
        assert [each["message"] for each in found] == ["the end"]


@pytest.mark.parametrize(
    "path", ["/api/live?text=(", "/api/live?min=terrible", "/api/live?field=x", "/api/search?text=a"]
)
def test_a_wrong_question_is_explained(page: Page, path: str) -> None:
    """What is asked for wrongly is answered with 400, and what is wrong."""
    answer = page.ask(path)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("cannot ")


def test_without_a_session_nothing_is_told(locked: Page) -> None:
    """The page itself, which says nothing, is for everybody; records, fleet and search are not."""
    assert locked.ask("/").status_code == 200
    for path in ("live", "search?text=a", "fleet", "record?id=a:1", "me", "nothing"):
        answer = locked.ask(f"/api/{path}")
        assert (answer.status_code, answer.json()) == (401, {"error": "log in first"})
    assert locked.ask("/healthz").text == "ok\n"


def test_the_token_leads_in_and_logout_out(locked: Page) -> None:
    """The cookie of a login cannot be read by scripts or sent by other pages, and is of no use after the logout."""
    answer = locked.post("/login", {"password": TOKEN})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    key = answer.cookies["logbus"]
    assert locked.ask("/api/fleet", logbus=key).json() == []
    locked.post("/logout", {}, cookie=f"logbus={key}")
    assert locked.ask("/api/fleet", logbus=key).status_code == 401


def test_a_live_view_ends_with_its_session(locked: Page) -> None:
    """Who has logged out is sent nothing more, also by an answer that had begun before."""
    key = locked.post("/login", {"password": TOKEN}).cookies["logbus"]
    events = locked.events("/api/live", cookie=f"logbus={key}")
    assert next(events)[0] == "hello"
    locked.post("/logout", {}, cookie=f"logbus={key}")
    assert "bye" in [name for name, _, _ in events]
    assert locked.ask("/api/live", logbus=key).status_code == 401


def test_tries_are_bounded(locked: Page) -> None:
    """After a few wrong tokens even the right one has to wait, and a giant of a login is none."""
    answers = [locked.post("/login", {"password": "x" * size}).status_code for size in (1, 2, 2_000, 200_000, 5)]
    assert answers == [403, 403, 403, 400, 403]
    assert locked.post("/login", {"password": TOKEN}).status_code == 429


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({}, 200),
    ],
)
def test_other_names_and_pages_are_refused(page: Page, headers: dict[str, str], status: int) -> None:
    """A name that is not ours (DNS rebinding), and another page, get nothing."""
    assert status_of(page, headers) == status


def status_of(page: Page, headers: dict[str, str]) -> int:
    """Return the status of an answer to a question with headers."""
    host, port = page.url.removeprefix("http://").split(":")
    told = {"host": f"{host}:{port}", "connection": "close"} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(f"GET /api/fleet HTTP/1.1\r\n{lines}\r\n".encode())
        return int(sock.recv(100).split()[1])


def test_every_answer_has_safe_headers(page: Page) -> None:
    """No answer may be framed, guessed at, kept, or run a script that is not a file of the page."""
    for path in ("/", "/static/app.js", "/api/fleet", "/nothing", "/static/..%2f..%2fsink.py"):
        headers = page.ask(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_record_is_found_in_the_archive(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """The search finds what a file sink wrote; a link still leads to a record that no memory holds any more."""
    sinks = tmp_path / "sinks.yml"
    archive = {"type": "file", "path": f"{tmp_path}/out/{{host}}/{{name}}"}
    sinks.write_text(
        json.dumps({"broker": {"url": broker_url}, "state": str(tmp_path / "ledger"), "sinks": {"a": archive}})
    )
    sink = start("sinks", "--verbose", "--config", sinks, "a")
    eventually(lambda: sink.says("ready: listening"))
    first = page_of(start, broker_url, tmp_path, eventually, "--config", sinks)
    first.ship("2026-11-24 10:00:00 INFO über <b>one</b>\n2026-11-24 10:00:01 ERROR two\n".encode())
    [record, _], _ = first.records("/api/live", 2)
    link = f"time=1795514400000000&host=web-1&crc={crc(str(record['message'])):08x}"
    assert first.ask(f"/api/record?id={record['stream']}:{record['offset']}").json()["message"] == record["message"]
    eventually((tmp_path / "out" / "web-1" / "app.log").exists)
    assert first.program.terminate() == 0
    second = page_of(start, broker_url, tmp_path, eventually, "--config", sinks)
    found = second.ask(f"/api/record?id={record['stream']}:0&{link}")
    assert found.json()["message"] == record["message"]
    assert second.ask(f"/api/record?id={'0' * 16}:0&time=1&host=web-1&crc=0").status_code == 404
    hits, _ = second.records("/api/search?min=err", 1)
    assert [(each["message"], each["host"]) for each in hits] == [("2026-11-24 10:00:01 ERROR two", "web-1")]
    assert [name for name, _, _ in second.events("/api/search?text=nothing-like-it")][-1] == "done"


def crc(text: str) -> int:
    """Return the checksum in a link, by a definition of its own."""
    value = 0xFFFFFFFF
    for byte in text.encode():
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_the_fleet_is_heard(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A shipper that runs is a row of the fleet and remembered, and one that was told to stop is gone."""
    page = page_of(start, broker_url, tmp_path, eventually, "--hosts", tmp_path / "hosts")
    log = tmp_path / "app.log"
    log.write_bytes(b"one\n")
    shipper = page.start("shipper", "--host", "web-7", "--state", tmp_path / "s", log, url=page.broker_url)
    page.until(lambda: states(page) == {"web-7": {"live"}} or states(page) == {"web-7": {"idle"}})
    assert shipper.terminate() == 0
    page.until(lambda: states(page) == {"web-7": {"gone"}})
    assert (tmp_path / "hosts").read_text() == "web-7\n"


def states(page: Page) -> dict[str, set[str]]:
    """Return how the processes of each host are."""
    rows = page.ask("/api/fleet").json()
    return {each["host"]: {one["state"] for one in rows if one["host"] == each["host"]} for each in rows}


def test_what_keeps_logs_comes_first(page: Page) -> None:
    """All threads of a page have a low priority."""
    pid = page.program.process.pid
    threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    lower = min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
    assert {os.getpriority(os.PRIO_PROCESS, each) for each in threads} == {lower}


def test_it_ends_when_told(page: Page) -> None:
    """SIGTERM ends it with exit code 0, also while somebody looks, who is told."""
    events = page.events("/api/live")
    assert next(events)[0] == "hello"
    page.program.process.terminate()
    assert "bye" in [name for name, _, _ in events]
    assert page.program.ends() == 0


def test_mistakes_are_usage_errors(page: Page, tmp_path: Path, start: Start) -> None:
    """An address that is taken, a missing token and a naked address end it at once, each with a line that says why."""
    for flags, cause in (
        (["--listen", page.url.removeprefix("http://")], "address already in use"),
        (["--token-file", tmp_path / "missing"], "token_file"),
        (["--listen", "0.0.0.0:0"], "can be reached from other hosts"),
        (["--config", tmp_path / "missing.yml"], "missing.yml"),
    ):
        program = start("sinks", "web", *flags, url=page.broker_url)
        assert program.ends() == 2
        assert cause in program.said().lower().replace("token-file", "token_file")
        assert program.said().count("\n") == 1


def test_a_password_becomes_a_line() -> None:
    """--password-for reads a password, and prints a line for the users file that does not show it."""
    command = [sys.executable, "-m", "sinks", "web", "--password-for", "jo"]
    made = subprocess.run(command, input=b"correct horse\n", capture_output=True, check=True)
    assert made.stdout.startswith(b"jo:scrypt:32768:8:3:")
    assert b"horse" not in made.stdout + made.stderr


def test_over_tls_a_user_logs_in(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """With a certificate the page is at https, and the cookie of a login is sent nowhere else."""
    issued = Authority(tmp_path, "ca").issue("localhost")
    users = tmp_path / "users"
    users.write_text(line_for("jo", "correct horse"))
    users.chmod(0o600)
    cert, key = tmp_path / "page.pem", tmp_path / "page.key"
    cert.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    flags = ("--tls-cert", cert, "--tls-key", key, "--users", users)
    page = page_of(start, broker_url, tmp_path, eventually, *flags)
    assert page.url.startswith("https://")
    with httpx.Client(base_url=page.url, headers={"origin": page.url}, verify=False) as client:  # noqa: S501 - its own CA
        assert client.post("/login", json={"name": "jo", "password": "wrong horse"}).status_code == 403
        answer = client.post("/login", json={"name": "jo", "password": "correct horse"})
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers
        assert client.get("/api/me").json()["user"] == "jo"
