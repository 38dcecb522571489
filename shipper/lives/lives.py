"""The lives that are followed: their paths, the order in which they are read, and the work due on each.

Decisions are made elsewhere: `shipper.lives.following` turns files into lives, and the steps read, save and end them.
This module keeps their current state, which changes through the methods below only.
"""

import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator

from shipper.files.opening import OpenFile
from shipper.lives.index import Index, Targets
from shipper.lives.life import Life
from shipper.lives.open_files import OpenFiles
from shipper.lives.states import Event, State
from shipper.lives.succession import Succession

logger = logging.getLogger("shipper.lives")

LifeSet = dict[Life, None]


class Lives:
    """The lives of a shipper: `index` finds them, `targets` are the bytes that a `once` run has to read.

    At most `budget` files are kept open, unless more than that have no path to reopen them by.
    """

    def __init__(self, budget: int) -> None:
        self._ready: OrderedDict[Life, None] = OrderedDict()  # a plain dict rescans the entries deleted at its front
        self.index: Index[Life] = Index()
        self.targets: Targets[Life] = Targets()
        self._dirty: LifeSet = {}
        self._without_id: LifeSet = {}
        self._in_state: dict[State, LifeSet] = {State.LEAVING: {}, State.RESTING: {}}
        self._pending: LifeSet = {}
        self._succession: Succession[Life] = Succession()
        self.open_files: OpenFiles[Life] = OpenFiles(budget, self.leaving, self._is_wanted)

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Life]:
        return iter(self.index)

    def found_at(self, path: str) -> list[Life]:
        """Return the lives found at a path that have not ended, newest first."""
        return self._succession.of(path)

    def name(self, life: Life, path: str) -> None:
        """Record that a path leads to a life."""
        self.index.add_names([path], life)
        life.add_name(path)
        self._change(life, Event.LEAVE if life.rotated else Event.STAY)
        if not life.rotated:
            self.enqueue(self._succession.line_up(life))

    def unname(self, life: Life, path: str, now: float) -> None:
        """Record that a path no longer leads to a life."""
        self.index.drop_name(path)
        life.drop_name(path, now)
        if life.rotated:
            self._change(life, Event.LEAVE)

    # Reading order

    def enqueue(self, life: Life | None) -> None:
        """Queue a life, if there is one, for reading."""
        if life is None or life.ended or life.state is State.UNPACKING:
            return
        if life.state is State.RESTING:
            self._change(life, Event.LEAVE)  # to be reopened
        if not life.stream:
            self._without_id[life] = None
        self._ready.setdefault(life)

    @property
    def any_ready(self) -> bool:
        """Whether any life is queued for reading."""
        return bool(self._ready)

    def is_ready(self, life: Life) -> bool:
        """Return True if a life is queued for reading."""
        return life in self._ready

    def next_ready(self) -> Life:
        """Remove and return the next life to be read."""
        return self._ready.popitem(last=False)[0]

    def waits(self, life: Life) -> bool:
        """Return True while an older life has to be read to its end first."""
        return self._succession.older(life) is not None

    def after(self, life: Life) -> Iterator[Life]:
        """Yield the lives that wait for this one, in order."""
        return self._succession.after(life)

    def at_end(self, life: Life) -> None:
        """Record that a life was read to its present end, so that the next one at its path may begin.

        A life queued behind the file that the path leads to is really older, which a start cannot always know: it need
        not wait for the end of an unfinished line.
        """
        if life.tail.pending:
            self._pending[life] = None
        if life.tail.fragment and life.rotated:
            self._change(life, Event.LEAVE)
            return
        self.enqueue(self._succession.release(life))
        if not life.rotated:
            self.enqueue(self._succession.line_up(life))

    def _is_wanted(self, life: Life) -> bool:
        return life in self._ready or self.waits(life)

    # Unsaved, without an id, with a pending record

    @property
    def dirty(self) -> bool:
        """Whether any life is unsaved."""
        return bool(self._dirty)

    def changed(self, life: Life) -> None:
        """Add a life to those to be saved."""
        self._dirty[life] = None
        self.index.heads.note(life)

    def unchanged(self, life: Life) -> None:
        """Remove a life from those to be saved."""
        self._dirty.pop(life, None)

    def take_dirty(self) -> list[Life]:
        """Return the unsaved lives and clear the list; the caller gives failures back with `changed`."""
        lives, self._dirty = [*self._dirty], {}
        return lives

    def saved(self, lives: Iterable[Life]) -> None:
        """Forget ended lives whose confirmation to the end is now saved."""
        for life in lives:
            if life.ended and life.progress.committed >= life.tail.offset and self.index.of_stream(life.stream) is life:
                logger.info("finished %s: all of its %d bytes are confirmed", life.path, life.tail.offset)
                self.index.drop_stream(life.stream)

    def lacks_id(self, life: Life) -> bool:
        """Return True if a life is queued for an id."""
        return life in self._without_id

    @property
    def without_id(self) -> Iterator[Life]:
        """The lives that may need an id."""
        return iter(self._without_id)

    def take_without_id(self, lives: Iterable[Life]) -> None:
        """Remove these from the queue for ids: they get one now, or have no data yet to derive it from."""
        for life in lives:
            del self._without_id[life]

    def give_back_without_id(self, lives: Iterable[Life]) -> None:
        """Queue these for ids again."""
        self._without_id.update(dict.fromkeys(lives))

    @property
    def pending(self) -> Collection[Life]:
        """The lives with a record that may continue. A live view: copy it before changing lives."""
        return self._pending.keys()

    def record_read(self, life: Life) -> None:
        """Record that a life's last record is no longer pending."""
        self._pending.pop(life, None)

    # Open files, and the end

    def take_in(self, life: Life) -> None:
        """Follow a newly opened life, after those already at its path."""
        if life.state is not State.UNPACKING:
            self.index.add_file(life)
        if life.stream:
            self.index.add_stream(life.stream, life)
        self.index.heads.note(life)
        self.keep_open(life)
        self.enqueue(self._succession.line_up(life))

    def move(self, life: Life, file: OpenFile) -> None:
        """Continue a life in another file."""
        self.index.drop_file(life)
        life.move_to(file)
        self.index.add_file(life)
        self.keep_open(life)
        self._change(life, Event.RESUME)
        self._dirty[life] = None
        self.enqueue(life)

    def replace(self, life: Life, fresh: Life, *, goes_on: bool) -> None:
        """Give a life's file and names to the `fresh` one; the old life `goes_on` elsewhere or ends."""
        self.targets.hand_over(life, fresh)
        fresh.take_names_of(life)
        if fresh.rotated:
            self._change(fresh, Event.LEAVE)
        self.index.add_names(fresh.names, fresh)
        self.enqueue(self._succession.replace(life, fresh))
        if goes_on:
            self._succession.insert(life, fresh)
        else:
            self.end(life, done=True)
        self.index.add_file(fresh)
        self.keep_open(fresh)
        self.enqueue(fresh)

    def keep_open(self, life: Life) -> None:
        """Count a life's file as open, and close others if there are too many."""
        self.open_files.keep(life)

    def close_file(self, life: Life) -> None:
        """Close a life's file."""
        self.open_files.close(life)

    def leave(self, life: Life) -> None:
        """Keep a life's file open and checked, as its path leads to another file or to none."""
        self._change(life, Event.LEAVE)

    def stay(self, life: Life) -> None:
        """Follow a life by its names again, without checks of its own."""
        self._change(life, Event.STAY)

    @property
    def leaving(self) -> Collection[Life]:
        """The lives whose path leads to another file now. A live view: copy it before changing lives."""
        return self._in_state[State.LEAVING].keys()

    @property
    def resting(self) -> Collection[Life]:
        """The lives that left, were quiet for long and are closed. A live view, too."""
        return self._in_state[State.RESTING].keys()

    def rest(self, life: Life) -> None:
        """Close a quiet life that was renamed away."""
        self._change(life, Event.REST)
        self.close_file(life)
        self._dirty[life] = None

    def unpack(self, life: Life) -> None:
        """Stop reading a life until the archive with the rest of it is unpacked."""
        self._change(life, Event.UNPACK)

    def unpacked(self, life: Life) -> None:
        """Resume a life in its unpacked file."""
        self._change(life, Event.RESUME)

    def end(self, life: Life, *, done: bool = False) -> None:
        """Stop reading a life; its stream stays until all of it is confirmed."""
        self._change(life, Event.FINISH if done else Event.END)
        self.close_file(life)
        if life.stream:
            self._dirty[life] = None
        self._without_id.pop(life, None)
        self.index.heads.drop(life)
        self.index.drop_file(life)
        self.enqueue(self._succession.release(life))
        self._succession.leave(life)

    def close(self) -> None:
        """Close every file."""
        self.open_files.close_all()

    def _change(self, life: Life, event: Event) -> None:
        """Change a life's state by an event, and update the lists of leaving and resting lives."""
        before = life.state
        life.change(event)
        if life.state is not before:
            self._in_state.get(before, {}).pop(life, None)
            if life.state in self._in_state:
                self._in_state[life.state][life] = None
