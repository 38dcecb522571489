"""Standard input: shipped as it comes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.agent import Agent
from shipper.lives.stdin import Stdin
from shipper.settings import Input, Settings
from shipper.state.registry import Registry
from support.shores import Shore


class Waker:
    """Remembers which descriptors wake the loop."""

    def __init__(self) -> None:
        self.fds: set[int] = set()

    def wake_on(self, fd: int) -> None:
        """Note the descriptor."""
        self.fds.add(fd)

    def ignore(self, fd: int) -> None:
        """Forget the descriptor."""
        self.fds.remove(fd)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe: the end to read, the end to write."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            continue


def agent_on(fd: int, shore: Shore, waker: Waker | None = None) -> Agent:
    """Return a shipper of a descriptor."""
    settings = Settings(inputs=[Input(paths=["-"])], host="h")
    shore.agent = agent = Agent(settings, shore.publisher, Registry(), waker=waker, stdin_fd=fd)
    return agent


def test_what_is_there_is_shipped_and_an_unfinished_line_waits(shore: Shore, pipe: tuple[int, int]) -> None:
    """B1: a line written in two parts to a pipe is one line; at the end the rest goes too, then it has finished."""
    agent = agent_on(pipe[0], shore)
    os.write(pipe[1], b"one\ntw")
    shore.run(0.0)
    os.write(pipe[1], b"o\nrest")
    shore.run(0.3)
    assert [batch.body for batch in shore.publisher.batches] == [b"one\n", b"two\n"]
    assert not agent.finished()
    os.close(pipe[1])
    shore.run(0.3)
    shore.run(0.3)
    assert shore.publisher.batches[-1].body == b"rest"
    assert agent.finished()
    assert {(batch.path, batch.label) for batch in shore.publisher.batches} == {("-", "stdin")}
    assert [batch.offset for batch in shore.publisher.batches] == [0, 4, 8]


def test_a_full_window_leaves_it_unread_and_unwatched(shore: Shore, pipe: tuple[int, int]) -> None:
    """While nothing may be published, the pipe is the buffer and does not keep the loop awake."""
    waker = Waker()
    agent_on(pipe[0], shore, waker)
    shore.publisher.holding, shore.publisher.window = True, 1
    shore.run(0.0)
    assert waker.fds == {pipe[0]}
    os.write(pipe[1], b"one\n")
    shore.run(0.3)
    os.write(pipe[1], b"two\n")
    shore.run(0.3)
    assert [batch.body for batch in shore.publisher.batches] == [b"one\n"]
    assert waker.fds == set()
    shore.publisher.confirmed, shore.publisher.held = shore.publisher.held, []
    shore.run(0.3)
    assert [batch.body for batch in shore.publisher.batches] == [b"one\n", b"two\n"]


def test_a_redirected_file_is_read_to_its_end(tmp_path: Path) -> None:
    """A file on standard input needs no waiting, and its bytes arrive as they are."""
    path = tmp_path / "in"
    path.write_bytes(b"a\r\n\0\n" * 100_000)
    fd = os.open(path, os.O_RDONLY)
    source = Stdin(Input(paths=["-"]), fd)
    bodies = []
    while not source.at_end:
        if piece := source.read():
            bodies.append(piece.body)
    assert b"".join(bodies) == path.read_bytes()
    assert not source.pollable
    os.close(fd)


def test_a_line_without_end_goes_in_pieces(tmp_path: Path) -> None:
    """B6: memory stays bounded on a pipe, too."""
    path = tmp_path / "in"
    path.write_bytes(b"x" * 700_000 + b"\nnext\n")
    fd = os.open(path, os.O_RDONLY)
    source = Stdin(Input(paths=["-"], max_record_bytes=300_000), fd)
    pieces = []
    while not source.at_end:
        if piece := source.read():
            pieces.append(piece)
    assert b"".join(piece.body for piece in pieces) == path.read_bytes()
    assert [piece.partial for piece in pieces] == [not piece.body.endswith(b"\n") for piece in pieces]
    os.close(fd)
