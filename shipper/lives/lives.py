"""Which lives are followed, under which names, in which order they are read, and what is to be done with each.

What becomes of a life is decided elsewhere: `shipper.lives.following` makes lives of what the filesystem shows, the
steps read, save and end them. Here is what is known of them now; it changes by the verbs below and in no other way.
"""

from collections.abc import Iterable, Iterator

from shipper.files.opening import OpenFile
from shipper.lives.index import Index, Targets
from shipper.lives.open_files import OpenFiles
from shipper.lives.succession import Succession
from shipper.lives.tail import Tail

Tails = dict[Tail, None]


class Lives:
    """The tails of a shipper: `index` finds them, `targets` are what a `once` run has to read of them.

    At most `budget` files are held open, unless more have no name to be opened by again.
    """

    def __init__(self, budget: int) -> None:
        self._ready: Tails = {}
        self.index = Index()
        self.targets = Targets()
        self._dirty: Tails = {}
        self._unnamed: Tails = {}
        self._leaving: Tails = {}
        self._resting: Tails = {}
        self._held: Tails = {}
        self._succession = Succession()
        self.open_files = OpenFiles(budget, self._leaving, self._is_wanted)

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Tail]:
        return iter(self.index)

    def found_at(self, path: str) -> list[Tail]:
        """Return the lives that were found at a path and have not ended, the newest first."""
        return self._succession.of(path)

    def name(self, tail: Tail, path: str) -> None:
        """Take note that a path leads to a life."""
        self._resting.pop(tail, None)
        self.index.add_names([path], tail)
        tail.add_name(path)
        if tail.rotated:
            self._leaving[tail] = None
        else:
            self.enqueue(self._succession.line_up(tail))

    def unname(self, tail: Tail, path: str, now: float) -> None:
        """Take note that a path leads to a life no more."""
        self.index.drop_name(path)
        tail.drop_name(path, now)
        if tail.rotated:
            self._leaving[tail] = None

    # What is to be read

    def enqueue(self, tail: Tail | None) -> None:
        """Have a tail, if there is one, read in its turn."""
        if tail is None or tail.unpacking:
            return
        if tail in self._resting:
            del self._resting[tail]
            self._leaving[tail] = None  # to be opened again
        tail.settle(settled=False)
        if not tail.stream:
            self._unnamed[tail] = None
        if not tail.ended:
            self._ready.setdefault(tail)

    @property
    def any_ready(self) -> bool:
        """Whether a tail may have something to read."""
        return bool(self._ready)

    def is_ready(self, tail: Tail) -> bool:
        """Return True if a tail's turn to be read is still to come."""
        return tail in self._ready

    def next_ready(self) -> Tail:
        """Return the tail whose turn it is to be read."""
        tail = next(iter(self._ready))
        del self._ready[tail]
        return tail

    def waits(self, tail: Tail) -> bool:
        """Return True while another life has to be read to its end first."""
        return self._succession.older(tail) is not None

    def after(self, tail: Tail) -> Iterator[Tail]:
        """Yield the lives that wait for one, in order."""
        return self._succession.after(tail)

    def at_end(self, tail: Tail) -> None:
        """Take note that a tail was read to its present end: what follows it at the same path may begin.

        What follows a file that has its path's name is older, as a start cannot always tell: it need not wait for the
        end of an unfinished line.
        """
        if tail.held:
            self._held[tail] = None
        if tail.fragment and tail.rotated:
            self._leaving[tail] = None
            return
        self.enqueue(self._succession.release(tail))
        if not tail.rotated:
            self.enqueue(self._succession.line_up(tail))

    def _is_wanted(self, tail: Tail) -> bool:
        return tail in self._ready or self.waits(tail)

    # What is not saved, has no id, holds a record back

    @property
    def dirty(self) -> bool:
        """Whether there is anything to save."""
        return bool(self._dirty)

    def changed(self, tail: Tail) -> None:
        """Have a tail saved."""
        self._dirty[tail] = None

    def unchanged(self, tail: Tail) -> None:
        """Have a tail not saved after all."""
        self._dirty.pop(tail, None)

    def take_dirty(self) -> list[Tail]:
        """Return the tails to be saved; those that could not be saved are `changed` again."""
        tails, self._dirty = [*self._dirty], {}
        return tails

    def saved(self, tails: Iterable[Tail]) -> None:
        """Forget ended lives that are confirmed to their end, now that this is saved."""
        for tail in tails:
            if tail.ended and tail.progress.committed >= tail.offset:
                self.index.drop_stream(tail.stream)

    def is_unnamed(self, tail: Tail) -> bool:
        """Return True if a tail's turn to get an id is still to come."""
        return tail in self._unnamed

    @property
    def unnamed(self) -> Iterator[Tail]:
        """The tails that may need an id."""
        return iter(self._unnamed)

    def take_unnamed(self, tails: Iterable[Tail]) -> None:
        """Take note that these get ids now, or have nothing yet to make one of."""
        for tail in tails:
            del self._unnamed[tail]

    def give_back_unnamed(self, tails: Iterable[Tail]) -> None:
        """Have these get ids later."""
        self._unnamed.update(dict.fromkeys(tails))

    @property
    def held(self) -> list[Tail]:
        """The tails with a record that may go on."""
        return [*self._held]

    def let_go(self, tail: Tail) -> None:
        """Take note that a tail's last record is held back no more."""
        self._held.pop(tail, None)

    # Open files, and the end

    def take_in(self, tail: Tail) -> None:
        """Follow a tail that was opened: it comes after those that have its path already."""
        if not tail.unpacking:
            self.index.add_file(tail)
        if tail.stream:
            self.index.add_stream(tail.stream, tail)
        self.hold_open(tail)
        self.enqueue(self._succession.line_up(tail))

    def move(self, tail: Tail, file: OpenFile) -> None:
        """Let a life go on in another file."""
        self.index.drop_file(tail)
        tail.go_on_in(file)
        self.index.add_file(tail)
        self.hold_open(tail)
        self._leaving[tail] = self._dirty[tail] = None
        self.enqueue(tail)

    def replace(self, tail: Tail, fresh: Tail, *, goes_on: bool) -> None:
        """Let a life take the file and the names of another, which `goes_on` elsewhere or ends."""
        self.targets.hand_over(tail, fresh)
        if tail in self._leaving:
            self._leaving[fresh] = None
        fresh.take_names_of(tail)
        self.index.add_names(fresh.names, fresh)
        self.enqueue(self._succession.replace(tail, fresh))
        if goes_on:
            self._succession.insert(tail, fresh)
        else:
            self.end(tail, done=True)
        self.index.add_file(fresh)
        self.hold_open(fresh)
        self.enqueue(fresh)

    def hold_open(self, tail: Tail) -> None:
        """Count a tail's file as open; others are closed if there are too many."""
        self.open_files.hold(tail)

    def close_file(self, tail: Tail) -> None:
        """Close a tail's file."""
        self.open_files.close(tail)

    def leave(self, tail: Tail) -> None:
        """Look at a life now and then, whose path means another file or none."""
        self._leaving[tail] = None

    def stay(self, tail: Tail) -> None:
        """Look at a life only when its names are seen to have changed."""
        self._leaving.pop(tail, None)

    @property
    def leaving(self) -> list[Tail]:
        """The lives whose path means another file by now."""
        return [*self._leaving]

    @property
    def resting(self) -> list[Tail]:
        """Those of them that were quiet for long, and are closed."""
        return [*self._resting]

    def rest(self, tail: Tail) -> None:
        """Close a life that was renamed away and is quiet."""
        self.stay(tail)
        self.close_file(tail)
        self._resting[tail] = self._dirty[tail] = None
        tail.settle()

    def wake(self, tail: Tail) -> None:
        """Look at a resting life again."""
        del self._resting[tail]
        self._leaving[tail] = None

    def end(self, tail: Tail, *, done: bool = False) -> None:
        """Read no more of a life; its stream stays until all of it is confirmed."""
        tail.end(done=done)
        self.close_file(tail)
        if tail.stream:
            self._dirty[tail] = None
        for each in (self._unnamed, self._leaving, self._resting):
            each.pop(tail, None)
        self.index.drop_file(tail)
        self.enqueue(self._succession.release(tail))
        self._succession.leave(tail)

    def close(self) -> None:
        """Close every file."""
        self.open_files.close_all()
