"""With StringZilla and without."""

import pytest

from logbus.native import fast_text


@pytest.fixture(params=["with StringZilla", "without"])
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(fast_text, "_stringzilla", lambda: None)
    else:
        pytest.importorskip("stringzilla")
