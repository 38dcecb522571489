"""Forgets files that have been gone for long: a few at a time, once an hour."""

import time
from collections.abc import Callable

FORGET_EVERY_S = 3600.0
FORGET_PAUSE_S = 1.0


class Forgetting:
    """Has files forgotten that have been gone for `after_days`.

    `forget`: see `shipper.steps.resuming.Resumption.forget`.
    """

    def __init__(self, forget: Callable[[float, int], int], after_days: float) -> None:
        self._forget = forget
        self._after_s = after_days * 86_400
        self._next = 0.0
        self._forgotten = 0

    def work(self, now: float) -> None:
        """Forget what is due, not before the second call. The wall clock only measures how long files are gone."""
        if now < self._next:
            return
        if self._next:
            self._forgotten = self._forget(time.time() - self._after_s, self._forgotten)
        self._next = now + (FORGET_PAUSE_S if self._forgotten else FORGET_EVERY_S)
