"""The index beside the ledger: what each block of an output holds, so that a search may pass over it.

    note() --> the ledger commits --> committed() --> a thread gathers blocks, and saves them about once a second

It is a cache. A row may be missing (a crash, a full disk, a slow one), and a reader then reads those bytes; a row is
never wrong. docs/index-format.md has the file's tables, and what a reader checks.
"""
