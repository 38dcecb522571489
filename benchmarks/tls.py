"""What TLS costs: a backlog through amqps:// with client certificates, and the same through amqp://, in turn.

    PYTHONPATH=tests python -m benchmarks.tls [MB]

Shipper and sink both use it, on one node, from the shipper's start to the sink's last byte; five times each.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import shapes
from benchmarks.processes import MB, await_that, finish, start
from support.secret_files import put
from support.tls_node import TlsNode

SIZE_MB = 300
ROUNDS = 5


def broker_section(node: TlsNode, root: Path, user: str, vhost: str, *, tls: bool) -> str:
    """Return the section `broker` of both configurations."""
    if not tls:
        return f"broker: {{url: 'amqp://{user}:secret@localhost:{node.broker.port}/{vhost}'}}\n"
    issued = node.authority.issue(user)
    files = {"ca_file": node.authority.certificate, "cert_file": issued.certificate, "key_file": issued.key}
    keys = "".join(f", {key}: {put(root / key, content)}" for key, content in files.items())
    return f"broker: {{url: 'amqps://{user}:secret@localhost:{node.port}/{vhost}'{keys}}}\n"


def ship(node: TlsNode, root: Path, source: Path, *, tls: bool) -> float:
    """Ship a file into a file; return MB/s."""
    root.mkdir()
    vhost = node.vhost()
    section = broker_section(node, root, node.add_user(vhost, "secret"), vhost, tls=tls)
    sinks, shipper, copy = root / "sinks.yml", root / "shipper.yml", root / "copy.log"
    sinks.write_text(f"{section}state: {root}/s\nsinks: {{archive: {{type: file, path: {copy}}}}}\n")
    shipper.write_text(f"{section}host: bench\nstate: {root}/r\ninputs: [{{paths: [{source}]}}]\n")
    said = root / "said"
    sink = start(["sinks", "-v", "--config", sinks, "archive"], messages=said)
    await_that(lambda: "ready: listening" in said.read_text())
    began = time.perf_counter()
    used = finish(start(["shipper", "--config", shipper, "--once"]))
    await_that(lambda: copy.exists() and copy.stat().st_size >= source.stat().st_size)
    took_s = time.perf_counter() - began
    finish(sink, stop=True)
    copy.unlink()
    if used.code:
        raise RuntimeError(f"the shipper ended with {used.code}")
    return source.stat().st_size / MB / took_s


def main() -> int:
    """Measure, and print both rates and their ratio."""
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE_MB
    with tempfile.TemporaryDirectory(prefix="logbus-tls-") as folder:
        root = Path(folder)
        source = root / "lines.log"
        shapes.write(source, "mix", size_mb * MB)
        node = TlsNode(root)
        node.broker.start()
        try:
            runs = [
                {tls: ship(node, root / f"{number}-{tls}", source, tls=tls) for tls in (False, True)}
                for number in range(ROUNDS)
            ]
        finally:
            node.broker.kill()
    for tls, name in ((False, "plain"), (True, "TLS")):
        print(f"{name}: {statistics.median(run[tls] for run in runs):.0f} MB/s")
    ratios = sorted(run[True] / run[False] for run in runs)
    print(f"TLS / plain: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
