"""Lives by the fingerprint of their first bytes."""

from dataclasses import dataclass, field

from shipper.files.identity import Head
from shipper.lives.index import MOST_ALIKE, Heads


@dataclass(eq=False)
class Begun:
    """A life that has begun."""

    place: str
    head: Head = field(default_factory=Head)
    ended: bool = False

    def publish(self, body: bytes) -> None:
        """Extend the head."""
        self.head.extend(self.head.length, body)


def fingerprint(body: bytes) -> bytes:
    """Return the fingerprint of a head."""
    head = Head()
    head.extend(0, body)
    return head.digest()


def test_a_head_that_has_grown_replaces_the_shorter_one() -> None:
    """A life is found by all that was published of it, in its directory, and by no part of that."""
    heads: Heads[Begun] = Heads()
    life = Begun("/logs/a.log")
    heads.note(life)
    assert heads.beside("/logs/b.log", fingerprint(b"")) == []
    for body in (b"one 1\n", b"two 2\n"):
        life.publish(body)
        heads.note(life)
    assert heads.beside("/logs/b.log", fingerprint(b"one 1\n")) == []
    assert heads.beside("/logs/b.log", fingerprint(b"one 1\ntwo 2\n")) == [life]
    assert heads.beside("/others/b.log", fingerprint(b"one 1\ntwo 2\n")) == []
    heads.drop(life)
    assert heads.beside("/logs/b.log", fingerprint(b"one 1\ntwo 2\n")) == []
    assert len(heads) == 0


def test_of_many_lives_with_one_banner_few_are_found() -> None:
    """The work for a new file does not grow with the number of files that begin as it does."""
    heads: Heads[Begun] = Heads()
    lives = [Begun(f"/logs/{number}.log") for number in range(100)]
    for life in lives:
        life.publish(b"=== starting ===\n")
        heads.note(life)
    assert len(heads.beside("/logs/new.log", fingerprint(b"=== starting ===\n"))) == len(heads) == MOST_ALIKE
    for life in lives:
        life.publish(b"of %s\n" % life.place.encode())
        heads.note(life)
    assert len(heads) == len(lives)
    assert heads.beside("/logs/new.log", fingerprint(b"=== starting ===\n")) == []
