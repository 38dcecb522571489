"""Searching what sinks wrote, and any other logs: plain files, and those compressed by gzip, zstd or xz.

Theory of operation. `files.sources` lists the files, `files.reading` decompresses each in blocks, `finding` looks for
the pattern in a whole block, and only if it is there, `records` divides the block into records. Threads do that, a file
each: the libraries that decompress and match let other threads run. What they find waits in `results.waiting` until it
is its turn in `results.merging`, which goes by event times. Newest first, `files.segments` divides a file, and
`backwards` goes through it from its end.
"""
