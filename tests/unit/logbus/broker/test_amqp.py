"""How what arrives is divided into frames."""

from itertools import pairwise

import pika.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from pika.exceptions import InvalidFrameError

from logbus.broker.amqp import AtOnce

BODIES = [b"", b"a line\n", b"AMQP", bytes([spec.FRAME_END]) * 3, b"x" * 5_000]


class Heard(AtOnce):
    """A connection without a socket, that keeps what it is given."""

    def __init__(self) -> None:
        self._frame_buffer = b""
        self.bytes_received = 0
        self.frames: list[pika.frame.Frame] = []

    def _process_frame(self, frame_value: pika.frame.Frame | pika.frame.ProtocolHeader) -> None:
        assert isinstance(frame_value, pika.frame.Frame)
        self.frames.append(frame_value)

    def hear(self, data: bytes) -> list[pika.frame.Frame]:
        """Take what arrived; return all frames so far."""
        self._on_data_available(data)
        return self.frames


@given(st.lists(st.sampled_from(BODIES), min_size=1, max_size=6), st.lists(st.integers(0, 12_000), max_size=6))
def test_frames_are_the_same_however_they_arrive(bodies: list[bytes], cuts: list[int]) -> None:
    """Whether a read ends within a frame, or has several of them."""
    frames = [pika.frame.Body(1, body) for body in bodies] + [pika.frame.Heartbeat()]
    stream = b"".join(each.marshal() for each in frames)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    heard = Heard()
    for begin, end in pairwise(places):
        heard.hear(stream[begin:end])
    found = [getattr(each, "fragment", None) for each in heard.frames]
    assert found == [*bodies, None]
    assert heard.bytes_received == len(stream)


def test_what_has_no_end_is_refused() -> None:
    """A frame is followed by its end mark, or the other side speaks something else."""
    with pytest.raises(InvalidFrameError):
        Heard().hear(pika.frame.Body(1, b"abc").marshal()[:-1] + b"x")
