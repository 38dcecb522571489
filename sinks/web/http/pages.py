"""The page's files, read once at the start: there is no way from an address to any other file."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STATIC: Final = Path(__file__).parent.parent / "static"
INDEX: Final = "index.html"


def files() -> dict[str, Response]:
    """Return an answer for each file, by its name."""
    found = sorted(each for each in _STATIC.iterdir() if each.suffix in _TYPES)
    return {each.name: Response(each.read_bytes(), media_type=_TYPES[each.suffix]) for each in found}


class Pages:
    """Answers with the page, or one of its files."""

    def __init__(self) -> None:
        self._files = files()

    async def index(self, _request: Request) -> Response:
        """Return the page."""
        return self._files[INDEX]

    async def file(self, request: Request) -> Response:
        """Return a file of the page."""
        return self._files.get(request.path_params["name"]) or PlainTextResponse("there is no such page\n", 404)
