"""Which lives are followed, under which names, in which order they are read, and what is to be done with each.

What becomes of a life is decided elsewhere: `shipper.lives.following` makes lives of what the filesystem shows, the
steps read, save and end them. Here is what is known of them now; it changes by the verbs below and in no other way.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator

from shipper.files.opening import OpenFile
from shipper.lives.index import Index, Targets
from shipper.lives.life import Life
from shipper.lives.open_files import OpenFiles
from shipper.lives.states import Event, State
from shipper.lives.succession import Succession

LifeSet = dict[Life, None]


class Lives:
    """The lives of a shipper: `index` finds them, `targets` are what a `once` run has to read of them.

    At most `budget` files are held open, unless more have no name to be opened by again.
    """

    def __init__(self, budget: int) -> None:
        self._ready: OrderedDict[Life, None] = OrderedDict()  # a dict looks through what was taken from its front
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
        """Return the lives that were found at a path and have not ended, the newest first."""
        return self._succession.of(path)

    def name(self, life: Life, path: str) -> None:
        """Take note that a path leads to a life."""
        self.index.add_names([path], life)
        life.add_name(path)
        self._change(life, Event.LEAVE if life.rotated else Event.STAY)
        if not life.rotated:
            self.enqueue(self._succession.line_up(life))

    def unname(self, life: Life, path: str, now: float) -> None:
        """Take note that a path leads to a life no more."""
        self.index.drop_name(path)
        life.drop_name(path, now)
        if life.rotated:
            self._change(life, Event.LEAVE)

    # What is to be read

    def enqueue(self, life: Life | None) -> None:
        """Have a life, if there is one, read in its turn."""
        if life is None or life.ended or life.state is State.UNPACKING:
            return
        if life.state is State.RESTING:
            self._change(life, Event.LEAVE)  # to be opened again
        if not life.stream:
            self._without_id[life] = None
        self._ready.setdefault(life)

    @property
    def any_ready(self) -> bool:
        """Whether a life may have something to read."""
        return bool(self._ready)

    def is_ready(self, life: Life) -> bool:
        """Return True if a life's turn to be read is still to come."""
        return life in self._ready

    def next_ready(self) -> Life:
        """Return the life whose turn it is to be read."""
        return self._ready.popitem(last=False)[0]

    def waits(self, life: Life) -> bool:
        """Return True while another life has to be read to its end first."""
        return self._succession.older(life) is not None

    def after(self, life: Life) -> Iterator[Life]:
        """Yield the lives that wait for one, in order."""
        return self._succession.after(life)

    def at_end(self, life: Life) -> None:
        """Take note that a life was read to its present end: what follows it at the same path may begin.

        What follows a file that has its path's name is older, as a start cannot always tell: it need not wait for the
        end of an unfinished line.
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

    # What is not saved, has no id, holds a record back

    @property
    def dirty(self) -> bool:
        """Whether there is anything to save."""
        return bool(self._dirty)

    def changed(self, life: Life) -> None:
        """Have a life saved."""
        self._dirty[life] = None

    def unchanged(self, life: Life) -> None:
        """Have a life not saved after all."""
        self._dirty.pop(life, None)

    def take_dirty(self) -> list[Life]:
        """Return the lives to be saved; those that could not be saved are `changed` again."""
        lives, self._dirty = [*self._dirty], {}
        return lives

    def saved(self, lives: Iterable[Life]) -> None:
        """Forget ended lives that are confirmed to their end, now that this is saved."""
        for life in lives:
            if life.ended and life.progress.committed >= life.tail.offset:
                self.index.drop_stream(life.stream)

    def lacks_id(self, life: Life) -> bool:
        """Return True if a life's turn to get an id is still to come."""
        return life in self._without_id

    @property
    def without_id(self) -> Iterator[Life]:
        """The lives that may need an id."""
        return iter(self._without_id)

    def take_without_id(self, lives: Iterable[Life]) -> None:
        """Take note that these get ids now, or have nothing yet to make one of."""
        for life in lives:
            del self._without_id[life]

    def give_back_without_id(self, lives: Iterable[Life]) -> None:
        """Have these get ids later."""
        self._without_id.update(dict.fromkeys(lives))

    @property
    def pending(self) -> Collection[Life]:
        """The lives with a record that may go on, as they are now: to be copied by whoever changes them."""
        return self._pending.keys()

    def record_read(self, life: Life) -> None:
        """Take note that a life's last record is held back no more."""
        self._pending.pop(life, None)

    # Open files, and the end

    def take_in(self, life: Life) -> None:
        """Follow a life that was opened: it comes after those that have its path already."""
        if life.state is not State.UNPACKING:
            self.index.add_file(life)
        if life.stream:
            self.index.add_stream(life.stream, life)
        self.keep_open(life)
        self.enqueue(self._succession.line_up(life))

    def move(self, life: Life, file: OpenFile) -> None:
        """Let a life go on in another file."""
        self.index.drop_file(life)
        life.move_to(file)
        self.index.add_file(life)
        self.keep_open(life)
        self._change(life, Event.RESUME)
        self._dirty[life] = None
        self.enqueue(life)

    def replace(self, life: Life, fresh: Life, *, goes_on: bool) -> None:
        """Let a life take the file and the names of another, which `goes_on` elsewhere or ends."""
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
        """Count a life's file as open; others are closed if there are too many."""
        self.open_files.keep(life)

    def close_file(self, life: Life) -> None:
        """Close a life's file."""
        self.open_files.close(life)

    def leave(self, life: Life) -> None:
        """Look at a life now and then, whose path means another file or none."""
        self._change(life, Event.LEAVE)

    def stay(self, life: Life) -> None:
        """Look at a life only when its names are seen to have changed."""
        self._change(life, Event.STAY)

    @property
    def leaving(self) -> Collection[Life]:
        """The lives whose path means another file by now, as they are now: to be copied by whoever changes them."""
        return self._in_state[State.LEAVING].keys()

    @property
    def resting(self) -> Collection[Life]:
        """Those of them that were quiet for long, and are closed; likewise."""
        return self._in_state[State.RESTING].keys()

    def rest(self, life: Life) -> None:
        """Close a life that was renamed away and is quiet."""
        self._change(life, Event.REST)
        self.close_file(life)
        self._dirty[life] = None

    def unpack(self, life: Life) -> None:
        """Read no more of a life until an archive is unpacked that holds the rest."""
        self._change(life, Event.UNPACK)

    def unpacked(self, life: Life) -> None:
        """Read on in what was unpacked for a life."""
        self._change(life, Event.RESUME)

    def end(self, life: Life, *, done: bool = False) -> None:
        """Read no more of a life; its stream stays until all of it is confirmed."""
        self._change(life, Event.FINISH if done else Event.END)
        self.close_file(life)
        if life.stream:
            self._dirty[life] = None
        self._without_id.pop(life, None)
        self.index.drop_file(life)
        self.enqueue(self._succession.release(life))
        self._succession.leave(life)

    def close(self) -> None:
        """Close every file."""
        self.open_files.close_all()

    def _change(self, life: Life, event: Event) -> None:
        """Have a life enter the state that follows an event; those that leave or rest are listed."""
        before = life.state
        life.change(event)
        if life.state is not before:
            self._in_state.get(before, {}).pop(life, None)
            if life.state in self._in_state:
                self._in_state[life.state][life] = None
