"""A shipper that sends every body as it is, to see what compression costs: `python -m benchmarks.uncompressed ...`."""

import functools
import sys

from logbus.batch import encode
from logbus.broker.publishing import encoder
from shipper.__main__ import main

vars(encoder)["encode"] = functools.partial(encode, compress_min_bytes=sys.maxsize)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.uncompressed")
