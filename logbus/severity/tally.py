"""How many records have each severity, by their digits. Pure."""

from typing import Final

SEVERITIES: Final = 8
_SAMPLE: Final = 100
_DIGITS: Final = [b"%d" % digit for digit in range(SEVERITIES)]
_USUAL_FIRST: Final = (6, 4, 7, 3, 5, 2, 1, 0)


def counts_of(digits: bytes | bytearray) -> list[int]:
    """Return how many have each severity, 0 to 7.

    The digit that most seem to have is taken away first, and what is left is counted by the more usual digits first,
    until nothing is left: each that `count` finds costs time, and each `count` looks at everything.
    """
    counts = [0] * SEVERITIES
    frequent = max(_DIGITS, key=digits[:_SAMPLE].count)
    others = digits.translate(None, frequent)
    counts[int(frequent)] = len(digits) - len(others)
    left = len(others)
    for number in _USUAL_FIRST:
        if not left:
            break
        counts[number] += others.count(_DIGITS[number])
        left = len(digits) - sum(counts)
    return counts
