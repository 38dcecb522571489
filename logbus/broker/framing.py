"""Frames of AMQP 0-9-1 (4.2.3) without copies of messages' bodies: what arrives is divided, what leaves is put around.

pika copies what is behind a frame for each frame, and a body three times in each direction. Here a part of a body's
frame is handed on as it arrives, where pika puts the body together; and a body leaves in views of it.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import pika.frame
from pika import spec
from pika.exceptions import InvalidFrameError

_HEADER: Final = struct.Struct(">BHL")
_END: Final = bytes([spec.FRAME_END])
_OTHER_PROTOCOL: Final = b"AMQP"
"""So begins the answer of a broker that speaks another version only: no frame, but eight bytes."""
Buffer = bytes | memoryview
Frame = pika.frame.Frame | pika.frame.ProtocolHeader


class Arriving:
    """What has not arrived in full: `rest` of a frame, or the last bytes of a body's frame and its end."""

    def __init__(self) -> None:
        self.rest = b""
        self._channel = 0
        self._missing_bytes = 0

    def frames(self, data: bytes) -> Iterator[Frame]:
        """Yield what `data` completes, and parts of bodies. Raises InvalidFrameError for what is no frame."""
        data, self.rest = self.rest + data if self.rest else data, b""
        at = 0
        while at < len(data):
            if self._missing_bytes > len(_END):
                part = memoryview(data)[at : at + self._missing_bytes - len(_END)]
                self._missing_bytes -= len(part)
                at += len(part)
                yield pika.frame.Body(self._channel, part)  # type: ignore[arg-type] # it is only joined
            elif self._missing_bytes:
                _refuse_other_end(data[at])
                self._missing_bytes = 0
                at += len(_END)
            elif size_bytes := self._begun(data, at):
                at += size_bytes
            else:
                frame_bytes, frame = _whole(data, at)
                if not frame:
                    self.rest = data[at:]
                    return
                at += frame_bytes
                yield frame

    def _begun(self, data: bytes, at: int) -> int:
        """Return the size of the header of a body's frame, if that is what begins there; 0 otherwise."""
        if data[at] != spec.FRAME_BODY or len(data) - at < _HEADER.size:
            return 0
        _, self._channel, payload_bytes = _HEADER.unpack_from(data, at)
        self._missing_bytes = payload_bytes + len(_END)
        return _HEADER.size


def _refuse_other_end(byte: int) -> None:
    if byte != spec.FRAME_END:
        raise InvalidFrameError("Invalid FRAME_END marker")


def _whole(data: bytes, at: int) -> tuple[int, Frame | None]:
    """Return the size of the frame that begins there, and the frame, None if not all of it has arrived."""
    if data.startswith(_OTHER_PROTOCOL, at):
        return pika.frame.decode_frame(data[at:])
    if len(data) - at < _HEADER.size:
        return 0, None
    _, _, payload_bytes = _HEADER.unpack_from(data, at)
    end = at + _HEADER.size + payload_bytes + len(_END)
    return pika.frame.decode_frame(data[at:end]) if end <= len(data) else (0, None)


def body_frames(channel: int, body: bytes, most_bytes: int) -> Iterator[Buffer]:
    """Yield the frames of a body in parts: before, the body's bytes, behind."""
    view = memoryview(body)
    for at in range(0, len(body), most_bytes):
        part = view[at : at + most_bytes]
        yield _HEADER.pack(spec.FRAME_BODY, channel, len(part))
        yield part
        yield _END


def behind(parts: Sequence[Buffer], sent_bytes: int) -> bytes:
    """Return what is left of parts, of which so many bytes were sent."""
    left = []
    for part in parts:
        if sent_bytes < len(part):
            left.append(memoryview(part)[sent_bytes:])
        sent_bytes = max(0, sent_bytes - len(part))
    return b"".join(left)
