"""The tailing model: whatever is done to files, publisher and shipper, each life is published whole and in order.

A state machine appends to files, rotates, copies, compresses, truncates, deletes and recreates them, swaps a link, lets
the publisher confirm late and in any order, kills and restarts the shipper (only the registry survives), and knows what
every life's bytes are. No threads, no sleeps. What it found is kept below, shrunk.
"""

import pytest
from hypothesis import HealthCheck, settings

from support import SOAK, examples
from support.rotating import Tailing
from support.tailing import NAMES

CHECKS = settings(
    suppress_health_check=list(HealthCheck), max_examples=examples(60), stateful_step_count=60 if SOAK else 40
)


class TailingOnDisk(Tailing):
    """Names A1-A3, A5-A10, A12-A15, A18, A20, A21, B1-B3, B6, B8, C2, C3 and G9."""


class TailingWithoutGenerations(Tailing):
    """The same on tmpfs, which reuses no inode and tells no generation."""

    base = "/dev/shm"  # noqa: S108 - a tmpfs is the point


TestTailing = TailingOnDisk.TestCase
TestTailing.settings = CHECKS
TestTailingWithoutGenerations = TailingWithoutGenerations.TestCase
TestTailingWithoutGenerations.settings = CHECKS


def test_a_life_on_a_deleted_life_s_inode_waits_its_turn() -> None:
    """A2, A7: a closed file that is rotated away frees its inode for the newest, which comes after all older ones."""
    state = Tailing()
    state.begin(whole_glob=True, budget=1, window=5)
    state.append_lines("b.log", 1)
    for create in (True, True, False):
        state.rotate("b.log", create)
    state.append_lines("b.log", 1)
    state.append_lines("a.log", 1)
    state.truncate("a.log", b"", same_size=False)
    state.rotate("b.log", create=False)
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=True)
    state.truncate("b.log", b"", same_size=False)
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=False)
    state.append_lines("b.log", 1)
    state.teardown()


def closed_and_published(*, whole_glob: bool = True, window: int = 2) -> Tailing:
    """Return a state in which a life of a.log is published, and its file closed."""
    state = Tailing()
    state.begin(whole_glob=whole_glob, window=window, budget=1)
    for name in NAMES:
        state.append_lines(name, 1)
        state.settle()
    return state


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_file_is_rotated_before_the_next_look(create: bool, packed: bool) -> None:
    """A15, A6: its copy, renamed meanwhile, is not a new file, wherever the truncated file went."""
    state = closed_and_published()
    state.copytruncate("a.log", look=False, go_on=True)
    state.rotate("a.log", create)
    if packed:
        state.compress("a.log", 1, look=False)
    state.scan()
    state.teardown()


def test_a_copy_of_a_closed_file_that_was_truncated_after_the_grace() -> None:
    """A15: a copy is nobody's until the file it may be of was opened to see whether it is truncated."""
    state = closed_and_published()
    state.copytruncate("a.log", look=True, go_on=False)
    state.run(6.0)
    state.teardown()


def test_a_file_that_is_found_together_with_its_copy() -> None:
    """A15: nothing of a file was read yet when its copy is found: the bytes tell that it may be a copy."""
    state = Tailing()
    state.begin(whole_glob=True, window=2, budget=1)
    state.append_lines("a.log", 1)
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_copied_twice_while_the_window_is_full() -> None:
    """A15: a file that nobody had room to read may hold its next life already when that one's copy is found."""
    state = Tailing()
    state.begin(whole_glob=True, window=5, budget=1)
    state.append_long("a.log", 4000, b"\n")
    state.append_lines("a.log", 9)
    state.copytruncate("a.log", look=True, go_on=True)
    state.append_long("a.log", 1075, b"")
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_a_later_life_has_the_same_bytes_before_the_offset() -> None:
    """A12: the head tells that a file was rewritten between two looks, to more than it had."""
    state = Tailing()
    state.begin(whole_glob=False, window=1, budget=1)
    state.append_long("a.log", 1011, b"\n")
    state.run(0.0)
    state.copytruncate("a.log", look=False, go_on=False)
    state.append_long("a.log", 1020, b"\n")
    state.settle()
    state.teardown()


def test_a_copy_on_a_deleted_file_s_inode() -> None:
    """A7, A15: a closed file's inode may be the copy's by now: it is a new file all the same, and waits."""
    state = Tailing()
    state.begin(whole_glob=True, window=6, budget=1)
    state.append_bytes("a.log", b"unfinished")
    state.rotate("a.log", create=False)
    state.append_lines("a.log", 1)
    state.copytruncate("a.log", look=True, go_on=True)
    state.compress("a.log", 2, look=False)
    state.copytruncate("a.log", look=True, go_on=False)
    state.teardown()


def test_a_file_on_a_closed_file_s_inode_is_followed_at_once() -> None:
    """A7: it is not left to the next scan, before which it may be rotated out of the inputs' sight."""
    state = Tailing()
    state.begin(whole_glob=False, window=1, budget=1)
    state.append_bytes("b.log", b"unfinished")
    state.append_lines("a.log", 1)
    state.run(0.3)
    state.delete("b.log", recreate=True)
    state.rotate("b.log", create=False)
    state.teardown()


@pytest.mark.parametrize("kind", [TailingOnDisk, TailingWithoutGenerations])
def test_truncated_and_rotated_while_it_waits_its_turn(kind: type[Tailing]) -> None:
    """A2, A12: the life that begins in a file keeps the file's place, though the file has another name by now."""
    state = kind()
    state.begin(whole_glob=True, window=1, budget=1)
    state.append_long("a.log", 900, b"")
    state.append_long("b.log", 900, b"")
    state.run(0.0)
    state.rotate("b.log", create=True)
    state.truncate("b.log", b"", same_size=False)
    state.rotate("b.log", create=True)
    state.teardown()


def test_a_new_file_is_held_against_the_bytes_of_a_closed_one() -> None:
    """A1, A6: a file that is shorter than what is known of a closed one need not be the beginning of its copy."""
    state = Tailing()
    state.begin(whole_glob=True, window=6, budget=1)
    state.append_lines("b.log", 1)
    state.truncate("b.log", b"U", same_size=True)
    state.rotate("b.log", create=True)
    state.truncate("b.log", b"", same_size=True)
    state.rotate("b.log", create=True)
    state.append_long("a.log", 900, b"\n")
    state.rotate("b.log", create=False)
    state.truncate("a.log", b"long enough", same_size=True)
    state.compress("b.log", 1, look=False)
    state.teardown()


def test_a_new_file_is_held_against_the_bytes_of_one_that_was_renamed_meanwhile() -> None:
    """A1, A6: as above, while the scan has not come to the closed one's new name yet."""
    state = closed_and_published()
    state.rotate("a.log", create=True)
    state.rotate("a.log", create=False)
    state.compress("a.log", 1, look=True)
    state.teardown()


def test_created_again_on_its_inode_while_it_waits_its_turn() -> None:
    """A7, A8: a file that waits for an older one is looked into when it changes, for it may be another by now."""
    state = Tailing()
    state.begin(whole_glob=False, window=6, budget=1)
    state.append_long("b.log", 900, b"")
    state.run(0.0)
    state.delete("b.log", recreate=True)
    state.append_lines("a.log", 1)
    state.copytruncate("b.log", look=True, go_on=True)
    state.delete("b.log", recreate=True)
    state.rotate("b.log", create=False)
    state.teardown()


@pytest.mark.parametrize("kind", [TailingOnDisk, TailingWithoutGenerations])
def test_truncated_to_the_same_size_while_it_waits_its_turn(kind: type[Tailing]) -> None:
    """A12, A15: as above, for the life that begins when a copy was made."""
    state = kind()
    state.begin(whole_glob=False, window=6, budget=1)
    state.append_bytes("a.log", b"x")
    state.run(0.0)
    state.rotate("a.log", create=False)
    state.append_lines("b.log", 1)
    state.append_bytes("a.log", b"x")
    state.copytruncate("b.log", look=True, go_on=False)
    state.run(6.0)
    state.copytruncate("a.log", look=False, go_on=True)
    state.stop(clean=True)
    state.restart()
    state.copytruncate("a.log", look=False, go_on=True)
    state.scan()
    state.rotate("a.log", create=False)
    state.teardown()


def test_truncated_while_its_copy_took_a_closed_file_s_inode() -> None:
    """A7, A15: that an inode was another file's does not make the copy one that is known."""
    state = Tailing()
    state.begin(whole_glob=True, window=1, budget=1)
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=False)
    state.append_long("a.log", 900, b"")
    state.rotate("a.log", create=True)
    state.write_late("a.log", 1, b"x")
    state.append_bytes("b.log", b"x")
    state.compress("a.log", 1, look=True)
    state.copytruncate("a.log", look=False, go_on=True)
    state.teardown()


def test_unpacked_while_it_is_in_the_queue() -> None:
    """A6: a life that was to be read when its file was found in an archive is not read before that is unpacked."""
    state = Tailing()
    state.begin(whole_glob=True, window=2, budget=1)
    state.append_lines("a.log", 1)
    state.swap("target.0")
    state.run(0.0)
    state.write_behind_the_link("target.0")
    state.confirm_some(0, 0.0)
    state.rotate("a.log", create=False)
    state.compress("a.log", 1, look=False)
    state.append_bytes("a.log", b"x")
    state.run(1.5)
    state.copytruncate("a.log", look=False, go_on=False)
    state.compress("a.log", 1, look=False)
    state.teardown()


def test_a_renamed_archive_is_unpacked_all_the_same() -> None:
    """A6: rotation goes on before an archive's turn to be unpacked has come."""
    state = Tailing()
    state.begin(whole_glob=True, window=1, budget=1)
    state.swap("target.0")
    state.append_lines("b.log", 1)
    state.rotate("b.log", create=False)
    for _ in range(4):
        state.write_behind_the_link("target.0")
    state.compress("b.log", 1, look=False)
    state.write_behind_the_link("target.0")
    state.append_lines("b.log", 1)
    state.copytruncate("b.log", look=False, go_on=False)
    state.teardown()


def test_a_file_on_a_closed_file_s_inode_is_followed_before_its_copy() -> None:
    """A7, A15: that the closed file's last known name is gone does not put off looking at what has its inode."""
    state = Tailing()
    state.begin(whole_glob=True, window=2, budget=1)
    state.append_lines("b.log", 9)
    state.rotate("b.log", create=False)
    state.swap("target.1")
    state.compress("b.log", 1, look=True)
    state.append_lines("a.log", 24)
    state.copytruncate("a.log", look=True, go_on=False)
    state.append_lines("a.log", 14)
    state.rotate("a.log", create=False)
    state.compress("a.log", 2, look=False)
    state.teardown()


def test_an_archive_is_unpacked_by_hand_before_its_turn() -> None:
    """A6, A20: where no input names what was unpacked, the life goes on in it."""
    state = closed_and_published(whole_glob=False, window=1)
    state.append_lines("b.log", 1)
    state.append_lines("a.log", 1)
    state.run(0.3)
    state.rotate("a.log", create=False)
    state.compress("a.log", 1, look=False)
    state.run(1.5)
    state.decompress("a.log", 1, look=False)
    state.teardown()
