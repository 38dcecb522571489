"""Functions whose modules take long to import, and that few commands call."""

import importlib
from collections.abc import Callable
from typing import Any


def later(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module, which is imported when the function is first called."""

    def call(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever the function returns
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    return call
