"""The life cycle: the states of a life, and the events that lead from one to the next. This table is the code.

A life has one state. Work due on it, such as reading, saving or assigning an id, is in the queues of `Lives`.
"""

import enum


class State(enum.Enum):
    """How a life is handled, and how the registry saves it."""

    FOLLOWED = "followed"
    """Read when its size changes. Saved as expected: if its file is gone at a start, that is reported."""
    LEAVING = "leaving"
    """Its file is kept open and checked four times a second. Saved as FOLLOWED."""
    RESTING = "resting"
    """Its file is closed, and checked every 30 s. Saved as settled: if it is gone at a start, that is not reported."""
    UNPACKING = "unpacking"
    """Not read: the rest of it is being unpacked from an archive. Saved as FOLLOWED."""
    ENDED = "ended"
    """No longer read: its file is gone, and may be found again at a start. Saved as settled."""
    DONE = "done"
    """Never read again. Saved as done once all bytes read are confirmed."""


class Event(enum.Enum):
    """What happens to a life: the methods of `Lives` that change its state."""

    LEAVE = "its path leads elsewhere, or it grew while it rested"
    STAY = "its path leads to it again, or it is read under another name"
    REST = "renamed away, read, and quiet for a minute"
    UNPACK = "its file is gone, and an archive holds the rest"
    RESUME = "the rest is in a copy, or unpacked"
    END = "its file is gone, and the rest cannot be found"
    FINISH = "truncated, rewritten or deleted: nothing of it is left to read"


TRANSITIONS = {
    State.FOLLOWED: {
        Event.LEAVE: State.LEAVING,
        Event.RESUME: State.LEAVING,
        Event.UNPACK: State.UNPACKING,
        Event.FINISH: State.DONE,
    },
    State.LEAVING: {
        Event.STAY: State.FOLLOWED,
        Event.REST: State.RESTING,
        Event.UNPACK: State.UNPACKING,
        Event.END: State.ENDED,
        Event.FINISH: State.DONE,
    },
    State.RESTING: {
        Event.STAY: State.FOLLOWED,
        Event.LEAVE: State.LEAVING,
    },
    State.UNPACKING: {
        Event.RESUME: State.LEAVING,
        Event.END: State.ENDED,
        Event.FINISH: State.DONE,
    },
    State.ENDED: {},
    State.DONE: {},
}
"""Events that are not in the table change nothing."""


def after(state: State, event: Event) -> State:
    """Return the state that follows an event."""
    return TRANSITIONS[state].get(event, state)
