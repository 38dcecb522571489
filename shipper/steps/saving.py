"""Saves how far lives are confirmed: all that changed in one transaction, four times a second."""

from shipper.lives.lives import Lives
from shipper.lives.recognition import row_of
from shipper.state.registry import Registry

SAVE_EVERY_S = 0.25
RETRY_SAVE_S = 1.0


class Saver:
    """Saves the changed `lives` in the registry."""

    def __init__(self, lives: Lives, registry: Registry) -> None:
        self._lives = lives
        self._registry = registry
        self._next_save = 0.0

    def work(self, now: float, *, at_once: bool) -> None:
        """Save the changed lives if that is due, or `at_once`; those that cannot be saved are saved later."""
        if not self._lives.dirty or (now < self._next_save and not at_once):
            return
        lives = self._lives.take_dirty()
        if self._registry.save([row_of(life) for life in lives]):
            self._next_save = now + SAVE_EVERY_S
            self._lives.saved(lives)
        else:
            self._next_save = now + RETRY_SAVE_S
            for life in lives:
                self._lives.changed(life)

    def wait_s(self, now: float) -> float:
        """Return the seconds until changed lives are saved."""
        return self._next_save - now
