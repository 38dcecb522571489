"""Progress: the gap-free prefix of confirmed spans."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shipper.files.identity import Position
from shipper.state.progress import Progress


def published(*ends: int) -> Progress[Position]:
    """Return the progress of batches that end there."""
    progress = Progress(Position())
    for end in ends:
        progress.published(Position(end, b"before %d" % end))
    return progress


def test_a_gap_holds_the_prefix() -> None:
    """C3: what is confirmed behind a gap does not count until the gap is closed."""
    progress = published(10, 20, 30)
    assert not progress.confirm(10, 20)
    assert (progress.committed, progress.checkpoint.offset) == (0, 0)
    assert progress.confirm(0, 10)
    assert (progress.committed, progress.checkpoint) == (20, Position(20, b"before 20"))


def test_the_checkpoint_is_a_batch_end() -> None:
    """A batch confirmed in part moves the prefix, the checkpoint waits for its end."""
    progress = published(10, 20)
    progress.confirm(0, 10)
    assert not progress.confirm(10, 15)
    assert (progress.committed, progress.checkpoint.offset) == (15, 10)
    assert progress.confirm(15, 20)
    assert progress.checkpoint.offset == 20


def test_a_span_confirmed_twice_changes_nothing() -> None:
    """A resend may be confirmed as well as the first sending."""
    progress = published(10)
    progress.confirm(0, 10)
    assert not progress.confirm(0, 10)
    assert progress.committed == 10


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_order_and_any_split_end_at_the_end(sizes: list[int], pick: object) -> None:
    """C3: whatever the order and the split, the prefix never passes a gap and in the end is everything."""
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    progress = published(*ends)
    cuts = sorted({0, *ends, *(pick.randint(0, ends[-1]) for _ in range(10))})  # type: ignore[attr-defined] # Random
    spans = list(pairwise(cuts))
    pick.shuffle(spans)  # type: ignore[attr-defined] # Random
    done: set[int] = set()
    for offset, end in spans:
        progress.confirm(offset, end)
        done.update(range(offset, end))
        assert all(at in done for at in range(progress.committed))
    assert progress.committed == progress.checkpoint.offset == ends[-1]
