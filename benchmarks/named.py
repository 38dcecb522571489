"""Runs the sinks as on a host called logs-1: for pictures, in which this machine's own name has no business."""

import socket
import sys

from sinks.__main__ import main

socket.gethostname = lambda: "logs-1"

if __name__ == "__main__":
    sys.exit(main())
