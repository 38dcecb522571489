"""The pictures of the page: each that a page of the documentation shows is there, as `make screenshots` takes it."""

import re
from pathlib import Path

import pytest

from benchmarks.scenes import SCENES, Scene

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
MAX_BYTES = 200_000


def shown() -> dict[Path, list[str]]:
    """Return the pictures that the pages show, with what each says to whoever cannot see it."""
    found: dict[Path, list[str]] = {}
    for page in PAGES:
        for text, target in PICTURE.findall(page.read_text()):
            found.setdefault((page.parent / target).resolve(), []).append(text)
    return found


def test_each_picture_is_shown_and_described() -> None:
    """The documentation shows every scene and no other picture, and says in words what is to be seen."""
    assert {path.relative_to(ROOT / "docs" / "pictures").as_posix() for path in shown()} == {
        scene.file for scene in SCENES.values()
    }
    assert [text for texts in shown().values() for text in texts if len(text) < len("Waiting for")] == []


def test_the_folder_holds_nothing_else() -> None:
    """A picture that no scene takes any more is not left behind."""
    held = {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    assert held == {scene.file for scene in SCENES.values()}


@pytest.mark.parametrize("scene", SCENES.values(), ids=lambda scene: scene.name)
def test_a_picture_has_the_size_of_its_scene(scene: Scene) -> None:
    """Each is a PNG with the scene's width and height, and small enough for a repository."""
    data = (ROOT / "docs" / "pictures" / scene.file).read_bytes()
    assert data[: len(PNG)] == PNG
    width, height = (int.from_bytes(data[begin : begin + 4], "big") for begin in (16, 20))
    assert (width, height) == (scene.width, scene.height)
    assert len(data) < MAX_BYTES
