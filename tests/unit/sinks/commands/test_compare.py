"""`audit --against`: the outputs against the sources, byte for byte."""

import time
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner, Result

from logbus.batch import Batch
from logbus.wire.times import Times
from sinks.__main__ import cli
from sinks.file import Settings, open_sink
from sinks.file.upkeep.rotation import Rotation
from support.stages import Stage

LINES = b"".join(b"%06d a line\n" % number for number in range(500))
YAML = "state: {root}\nsinks:\n  state: {{type: file, path: '{path}', compress: {compress}}}\n"


def archive(stage: Stage, path: str, *batches: Batch, compress: Literal["none", "zstd"] = "none") -> Path:
    """Write batches through a file sink that rotates, and return a sinks.yml of it."""
    rotate = Rotation(max_bytes=1000, compress="none" if compress == "zstd" else "gzip")
    settings = Settings(path=str(stage.root / path), compress=compress, rotate=rotate)
    runner = stage.start(make_sink=lambda context: open_sink(settings, context))
    for batch in batches:
        stage.queue.put(batch)
        runner.step(time.monotonic())
        runner.step(time.monotonic() + 1)
    stage.stop()
    config = Path(stage.root / "sinks.yml")
    config.write_text(YAML.format(root=stage.root, path=stage.root / path, compress=compress))
    return config


def audit(stage: Stage, config: Path) -> Result:
    """Run the command against `root/sources`."""
    return CliRunner().invoke(
        cli, ["audit", "--config", str(config), "--against", str(stage.root / "sources"), "state"]
    )


def source(stage: Stage, content: bytes, path: str = "var/log/app.log") -> Path:
    """Make a source."""
    file = Path(stage.root / "sources" / path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_same_and_not(stage: Stage, compress: Literal["none", "zstd"]) -> None:
    """G12: rotated and compressed outputs hold what the source holds; one byte more or other is told by its place."""
    whole = [stage.batch(LINES), stage.batch(LINES, len(LINES)), stage.batch(b"end\n", 2 * len(LINES))]
    config = archive(stage, "out/{host}/{label}/{path}", *whole, compress=compress)
    file = source(stage, LINES * 2 + b"end\nnot shipped yet")
    assert "same: web-1 /var/log/app.log" in audit(stage, config).output
    assert audit(stage, config).exit_code == 0
    file.write_bytes(LINES + LINES.replace(b"000100", b"000l00") + b"end\n")
    told = audit(stage, config)
    assert told.exit_code == 1
    assert f"differs at byte {len(LINES) + 100 * 14 + 3}: web-1" in told.output


def test_an_earlier_life_is_not_mistaken(stage: Stage) -> None:
    """What a rotated source left in the output stands before what the present one must equal."""
    batches = [stage.batch(b"old life\n", stream="a" * 16), stage.batch(b"new\n")]
    config = archive(stage, "out/{name}", *batches)
    source(stage, b"new\n")
    assert "same: web-1" in audit(stage, config).output


def test_what_cannot_be_compared_is_said(stage: Stage) -> None:
    """Sources that are gone, or share an output with others, are neither the same nor different: nothing is shown."""
    batches = [stage.batch(b"one\n"), stage.batch(b"two\n", stream="b" * 16, path="/other.log")]
    config = archive(stage, "out/all.log", *batches)
    told = audit(stage, config)
    assert told.output.count("shared: ") == 2
    assert (told.exit_code, "each source shares its output" in told.stderr) == (1, True)
    config = archive(stage, "out/{name}")
    told = audit(stage, config)
    assert told.output.count("not here: ") == 2
    assert (told.exit_code, "none of 2 sources is at its path" in told.stderr) == (1, True)


def test_late_lines_are_in_the_files_of_their_days(stage: Stage) -> None:
    """Outputs by date hold the source's lines in another order; other lines are told all the same."""
    lines = [b"2026-11-23 10:00:00 a\n", b"2026-11-22 10:00:00 late\n", b"2026-11-24 03:00:00 b\n"]
    times = Times("UTC", 1_795_428_000_000_000, 1_795_489_200_000_000)
    config = archive(stage, "out/{name}/{date}", stage.batch(b"".join(lines), times=times))
    file = source(stage, b"".join(lines))
    days = [path.name for path in sorted((stage.root / "out/app.log").iterdir())]
    assert days == ["2026-11-22", "2026-11-23", "2026-11-24"]
    assert "same: web-1" in audit(stage, config).output
    file.write_bytes(b"".join(lines).replace(b"late", b"Late"))
    assert "differs" in audit(stage, config).output
    file.write_bytes(lines[0])
    assert "not here" in audit(stage, config).output
