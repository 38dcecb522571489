"""Links that other users plant, and files of the shipper's own: what must not leave the host."""

import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from logbus.config.settings import Broker
from logbus.errors import SourceError
from shipper.files import admission
from shipper.files.admission import may, walk
from shipper.files.opening import open_regular
from shipper.records.redaction.presets import Redact
from support.shores import Shore

MALLORY, SHIPPER = 1234, 1235
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to others")


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a directory that every user may enter, with one in it that is Mallory's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "logs").mkdir()
    os.chown(folder / "logs", MALLORY, MALLORY)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """Act as another user for a while."""
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


def plant(link: Path, target: Path | str) -> Path:
    """Make a link that is Mallory's."""
    link.symlink_to(target)
    os.lchown(link, MALLORY, MALLORY)
    return link


def secret_of(path: Path, user: int, mode: int = 0o600) -> Path:
    """Make a file of a user's."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"secret 1\n")
    path.chmod(mode)
    os.chown(path, user, user)
    return path


def opens(path: Path, user: int) -> bool:
    """Return True if the shipper, run by a user, opens a file."""
    with acting_as(user):
        try:
            fd = open_regular(str(path)).fd
        except SourceError:
            return False
        os.close(fd)
        return True


@AS_ROOT
@pytest.mark.parametrize("user", [0, SHIPPER])
def test_a_planted_link_is_not_followed_to_what_its_owner_may_not_read(public: Path, user: int) -> None:
    """S5: whoever runs the shipper, a link leads to what the link's owner may read, and nowhere else."""
    link = plant(public / "logs" / "x.log", secret_of(public / "password", user))
    assert not opens(link, user)
    (public / "password").chmod(0o644)
    assert opens(link, user)


@AS_ROOT
@pytest.mark.parametrize("user", [0, SHIPPER])
def test_a_file_that_all_may_read_in_a_closed_directory_is_not_shown(public: Path, user: int) -> None:
    """S5: a directory that the link's owner may not enter protects what is in it, whatever its mode."""
    secret = secret_of(public / "closed" / "app.log", user, 0o644)
    os.chown(secret.parent, user, user)
    secret.parent.chmod(0o700)
    link = plant(public / "logs" / "x.log", secret)
    assert not opens(link, user)
    secret.parent.chmod(0o711)
    assert opens(link, user)


@AS_ROOT
@pytest.mark.parametrize("user", [0, SHIPPER])
def test_every_link_on_the_way_counts(public: Path, user: int) -> None:
    """S5: a link to a link, a linked directory, a relative path upwards: each link of another user is looked at."""
    secret = secret_of(public / "closed" / "app.log", user)
    inner = public / "inner"
    inner.symlink_to(secret.parent)  # root's own
    assert not opens(plant(public / "logs" / "1.log", public / "inner" / "app.log"), user)
    assert not opens(plant(public / "logs" / "2.log", "../logs/../closed/app.log"), user)
    assert not opens(plant(public / "logs" / "d", "../closed") / "app.log", user)
    (public / "by-root.log").symlink_to(public / "logs" / "2.log")
    assert not opens(public / "by-root.log", user)
    assert opens(public / "inner" / "app.log", user)


@AS_ROOT
@pytest.mark.parametrize("user", [0, SHIPPER])
def test_what_a_links_owner_may_read_is_followed(public: Path, user: int) -> None:
    """A18: an application's link to its own file, also beside it in a directory that only the container can reach."""
    target = public / "logs" / "app-1.log"
    target.write_bytes(b"line 1\n")
    os.chown(target, MALLORY, MALLORY)
    link = plant(public / "logs" / "app.log", "app-1.log")
    assert opens(link, user)
    if user == 0:
        public.chmod(0o700)
        assert opens(link, user)


@AS_ROOT
def test_the_groups_of_a_links_owner_count(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: what the owner of a link may read as a member of a group is followed."""
    secret = secret_of(public / "syslog", 0, 0o640)
    os.chown(secret, 0, 4321)
    link = plant(public / "logs" / "x.log", secret)
    assert not opens(link, 0)
    monkeypatch.setattr(admission, "groups_of", lambda _uid: frozenset({4321}))
    assert opens(link, 0)


@AS_ROOT
def test_a_link_that_is_swapped_meanwhile_shows_nothing(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: swapped for a harmless file between opening and checking, the link has still opened the secret: refused."""
    link = plant(public / "logs" / "x.log", secret_of(public / "password", 0))
    real_open = os.open

    def open_then_swap(path: str, flags: int) -> int:
        fd = real_open(path, flags)
        link.unlink()
        link.write_bytes(b"harmless\n")
        return fd

    monkeypatch.setattr(os, "open", open_then_swap)
    with pytest.raises(SourceError, match="replaced"):
        open_regular(str(link))


@AS_ROOT
def test_a_planted_link_is_reported_once_and_shipped_once_it_may_be(
    shore: Shore, caplog: pytest.LogCaptureFixture
) -> None:
    """S5: the shipper says why it does not follow the link, looks again at each scan, and says so once."""
    secret = secret_of(shore.folder / "shadow", 0)
    shore.folder.chmod(0o755)
    plant(shore.logs / "app.log", secret)
    shore.start()
    shore.run()
    assert shore.publisher.batches == []
    assert len([record for record in caplog.records if "may not read" in record.message]) == 1
    secret.chmod(0o644)
    shore.run()
    assert shore.lives() == [b"secret 1\n"]


@AS_ROOT
def test_a_file_is_not_shown_any_more_once_its_links_owner_may_not_see_it(shore: Shore) -> None:
    """S5, D7: a closed file that the owner of its link may read no longer waits until he may again."""
    target = shore.folder / "target"
    target.write_bytes(b"line 1\n")
    plant(shore.logs / "app.log", target)
    shore.write("other.log", b"other\n")
    shore.start(budget=1)
    target.chmod(0o600)
    target.write_bytes(b"line 1\nline 2\n")
    shore.run()
    assert b"line 1\n" in shore.lives()
    target.chmod(0o644)
    shore.run()
    assert b"line 1\nline 2\n" in shore.lives()


@pytest.mark.parametrize("how", ["link", "hard link", "name"])
def test_secrets_and_state_of_the_shipper_are_never_shipped(
    shore: Shore, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Password, keys and state are left out, whatever name leads to them; they are watched as they are replaced."""
    own = shore.folder / "etc"
    own.mkdir()
    names = ("password.log", "client.key.log", "redact.key.log")
    for name in names:
        (own / name).write_bytes(b"secret of at least some length\n")
        (own / name).chmod(0o600)
    password, key = (str(own / name) for name in names[:2])
    broker = Broker(url="amqps://h", password_file=password, cert_file="cert.pem", key_file=key)
    redact = Redact(presets=["ipv4"], key_file=str(own / names[2]))
    for number, path in enumerate([*map(own.joinpath, names), shore.folder / "state" / "registry.sqlite"]):
        link = shore.logs / f"{number}.log"
        if how == "link":
            link.symlink_to(path)
        elif how == "hard link" and path.exists():
            link.hardlink_to(path)
    shore.write("good.log", b"line 1\n")
    caplog.set_level(logging.WARNING)
    shore.start("*.log", "../etc/*.log", "../state/*", broker=broker, state=str(shore.folder / "state"), redact=redact)
    shore.run()
    assert shore.lives() == [b"line 1\n"]
    assert "this shipper's own" in caplog.text
    if how != "hard link":
        (own / "new").write_bytes(b"another secret of some length\n")
        (own / "new").rename(own / names[0])
        shore.run()
        assert shore.lives() == [b"line 1\n"]


def test_who_may() -> None:
    """S5: owner, group and others, in this order, as the system decides."""

    def status(mode: int, uid: int, gid: int) -> os.stat_result:
        return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))

    for what, place in ((stat.S_IROTH, 4), (stat.S_IXOTH, 1)):
        assert may(what, 5, {6}, status(place << 6, 5, 0))
        assert not may(what, 5, {6}, status(place << 3 | place, 5, 6))
        assert may(what, 5, {6}, status(place << 3, 0, 6))
        assert not may(what, 5, {6}, status(place, 0, 6))
        assert may(what, 5, {6}, status(place, 0, 0))


def test_a_path_is_walked_as_the_system_does(tmp_path: Path) -> None:
    """Relative and absolute links, dots and doubled slashes lead where realpath says; a loop is an error."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f").touch()
    (tmp_path / "up").symlink_to("a/./b//../b")
    (tmp_path / "to").symlink_to(tmp_path / "up" / "f")
    found = walk(str(tmp_path / "to"))
    assert found.real_path == os.path.realpath(tmp_path / "to")
    assert [Path(link).name for link, _ in found.links][-2:] == ["to", "up"]
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        walk(str(tmp_path / "loop"))
