"""Who may come in: users and their hashes, the token, sessions that end, tries that run out, settings that clash."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.requests import Request

from logbus.errors import UsageError
from sinks.web.http.door import COOKIE, Door, door_of
from sinks.web.http.passwords import NOBODYS, decoy_in, hashed, line_for, token_in, users_in
from sinks.web.http.sessions import ADDRESSES_MAX, LASTS_S, SESSIONS_MAX, TRIES, TRY_EVERY_S, Sessions, Tries
from sinks.web.settings import Settings

PASSWORD = "correct horse"  # noqa: S105 - a test's own
TOKEN = "0123456789abcdef"  # noqa: S105 - as above


def secret(path: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def request(key: str) -> Request:
    """Return a request with the cookie of a session."""
    return Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={key}".encode())]})


def log_in(door: Door, name: str, password: str) -> str | None:
    """Return the session that a name and a password lead to."""
    return asyncio.run(door.session_for(name, password, "192.0.2.1"))


def test_a_user_logs_in_until_taken_out_of_the_file(tmp_path: Path) -> None:
    """The right password of a user leads to a session, nothing else does, and it ends with the user's line."""
    users = secret(tmp_path / "users", f"# of the shop\n{line_for('jo', PASSWORD)}\n{line_for('al', PASSWORD)}\n")
    door = door_of(Settings(users=str(users)))
    assert log_in(door, "jo", "wrong horse") is None
    assert log_in(door, "nobody", PASSWORD) is None
    assert log_in(door, "", "") is None
    key = log_in(door, "jo", PASSWORD)
    assert key
    assert door.user(request(key)) == "jo"
    assert door.user(request("made up")) is None
    secret(users, line_for("al", PASSWORD))
    assert door.user(request(key)) is None


def test_the_token_lets_in(tmp_path: Path) -> None:
    """The token alone leads to a session, and a wrong one to none."""
    door = door_of(Settings(token_file=str(secret(tmp_path / "token", f"{TOKEN}\n"))))
    assert log_in(door, "", TOKEN + "x") is None
    assert log_in(door, "jo", TOKEN) is None
    key = log_in(door, "", TOKEN)
    assert key is not None
    assert door.user(request(key)) == ""


@pytest.mark.parametrize(
    "line", ["jo:scrypt", "jo:scrypt:3:8:1:aa:bb", "jo:md5:1:1:1:aa:bb", f":scrypt:16384:8:1:aa:{'bb' * 32}"]
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """A line that names no user is an error with its number, and shows nothing of a hash."""
    users = secret(tmp_path / "users", f"\n{line}\n")
    with pytest.raises(UsageError, match="line 2") as error:
        users_in(users)
    assert line not in str(error.value)


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    """A token or a users file that every user can read, and a short token, are errors."""
    path = secret(tmp_path / "token", TOKEN)
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        token_in(path)
    with pytest.raises(UsageError, match="fewer than 16"):
        token_in(secret(path, "short"))


def test_hashes_have_salt() -> None:
    """Two hashes of one password differ, and each fits only that password."""
    one, other = hashed(PASSWORD), hashed(PASSWORD)
    assert one.digest != other.digest
    assert one.fits(PASSWORD)
    assert not one.fits(PASSWORD + "s")


def test_a_name_that_is_not_there_costs_as_much() -> None:
    """For a name that nobody has, a hash as costly as those in the file is made; and nobody has the empty one."""
    jo = replace(NOBODYS, n=1 << 14, p=1)
    assert decoy_in({"jo": jo}) is jo
    assert decoy_in({}) is NOBODYS
    assert not NOBODYS.fits("")
    assert hashed(PASSWORD).n * hashed(PASSWORD).p >= 3 << 15


def test_many_logins_leave_the_loop_free(tmp_path: Path) -> None:
    """While twelve log in at once, two hash at a time, and whatever else the server does goes on meanwhile."""
    door = door_of(Settings(users=str(secret(tmp_path / "users", line_for("jo", PASSWORD)))))

    async def log_in_together() -> tuple[int, int]:
        logins = [asyncio.ensure_future(door.session_for("jo", "wrong horse", "192.0.2.1")) for _ in range(12)]
        turns = 0
        while not all(each.done() for each in logins):
            turns += 1
            await asyncio.sleep(0)
        return turns, sum(each.result() is None for each in logins)

    turns, refused = asyncio.run(log_in_together())
    assert refused == 12
    assert turns > 120


def test_sessions_end() -> None:
    """A session ends after its time, by its end, and when there are too many; another's id is of no use."""
    sessions = Sessions()
    key = sessions.begin("jo", 0.0)
    assert sessions.user(key, LASTS_S - 1) == "jo"
    assert sessions.user(key, LASTS_S) is None
    first = sessions.begin("jo", 0.0)
    others = [sessions.begin("al", 0.0) for _ in range(SESSIONS_MAX)]
    assert sessions.user(first, 1.0) is None
    sessions.end(others[0])
    assert sessions.user(others[0], 1.0) is None
    assert sessions.user(others[1], 1.0) == "al"


def test_tries_run_out_for_each_address() -> None:
    """An address that has tried too often waits, others do not; the memory for addresses is bounded."""
    tries = Tries()
    assert [tries.take("a", 0.0) for _ in range(TRIES + 1)] == [True] * TRIES + [False]
    assert tries.take("b", 0.0)
    assert tries.take("a", TRY_EVERY_S)
    assert not tries.take("a", TRY_EVERY_S)
    for number in range(ADDRESSES_MAX + 5):
        tries.take(f"c{number}", 0.0)
    assert len(tries._left) <= ADDRESSES_MAX  # noqa: SLF001 - what is bounded has no other face


def test_who_may_log_in_cannot_guess_at_others() -> None:
    """A login that is right gives back its own try, and none of the wrong ones before it."""
    tries = Tries()
    for _ in range(TRIES - 1):
        assert tries.take("a", 0.0)
    for _ in range(10):
        assert tries.take("a", 0.0)
        tries.give_back("a")
    assert tries.take("a", 0.0)
    assert not tries.take("a", 0.0)


@pytest.mark.parametrize(
    "keys",
    [
        {"listen": "0.0.0.0:9480"},
        {"listen": "0.0.0.0:9480", "token_file": "t", "names": ["logs"]},
        {"listen": "0.0.0.0:9480", "token_file": "t", "behind_proxy": True},
        {"listen": "nowhere"},
        {"listen": "localhost:99999"},
        {"tls_cert": "c.pem"},
        {"archives": ["archive"]},
        {"behind_proxy": True},
    ],
)
def test_what_does_not_go_together_is_refused(keys: dict[str, str]) -> None:
    """An address that others can reach needs a login, TLS and a name; half a pair is none."""
    with pytest.raises(UsageError, match="serve the web page"):
        Settings(**keys)  # type: ignore[arg-type]
