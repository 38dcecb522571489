"""A life that goes on in a copy is still one of its input's: same rate limit, same redaction key."""

from logbus.batch import records
from shipper.records.filters import RateLimit
from shipper.records.redaction.presets import Redact
from support.shores import Shore, copytruncate


def test_a_rate_limit_holds_across_a_copy(shore: Shore) -> None:
    """What is left of a life in its copy, and the life after it, share one limit of one record a second."""
    path = shore.write("app.log", b"first 1\n")
    shore.start("app.log", rate_limit=RateLimit(records_per_s=1))
    shore.run()
    shore.crash()
    shore.write("app.log", b"second 2\n")
    copytruncate(path, shore.logs / "app.log.1")
    shore.write("app.log", b"third 3\n")
    shore.now += 10
    shore.start("app.log", rate_limit=RateLimit(records_per_s=1))
    passed = [record for batch in shore.publisher.batches for record in records(batch) if record]
    assert len(passed) == 2


def test_a_redaction_key_is_read_once(shore: Shore) -> None:
    """A key file that is gone while the shipper runs is none of a copy's business."""
    key = shore.folder / "redaction.key"
    key.write_bytes(b"secret key\n")
    key.chmod(0o600)
    path = shore.write("app.log", b"mail a@example.com\n")
    shore.start("*.log*", redact=Redact(presets=["email"], key_file=str(key)))
    shore.run()
    key.unlink()
    copytruncate(path, shore.logs / "app.log.1")
    shore.write("app.log", b"mail b@example.com\n")
    for _ in range(4):
        shore.run(6.0)
    assert len(shore.lives()) == 2
