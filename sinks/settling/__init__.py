"""Settles the outputs of a file sink that are finished: reads them once, and makes exact rows for the index.

    Opened --> rows(), by what the search divides a file with --> save(), one transaction for all rows of an output

Nothing of the sink's daemon imports this room: it runs in a process of its own, `logbus-sinks index`.
"""
