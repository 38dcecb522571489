r"""The parts of a line in columns: blanks and colours, the time stamp, what stands between it and the level, the level.

Every repeat is possessive, atomic or bounded, and no part crosses a newline: see `logbus.severity.formats`.
"""

from typing import Final

from logbus.severity.words import (
    ALL_UPPER,
    ANY,
    GAP,
    LOWER,
    PROSE_UPPER,
    SMALL,
    UPPER,
    any_of,
    either,
    maybe,
    repeated,
)

COLOUR: Final = rb"\x1b\[[0-9;]{0,12}m"
BLANKS: Final = repeated(rb"[ \t]++|" + COLOUR, b"*")
"""Blanks and terminal colours."""
_COLOUR_GAP: Final = COLOUR + GAP

# A level in a column of its own. In capitals it needs only an end (`ERROR `, `INFO[0000]`, `DEBUG1:`), and words that
# also begin headings (`LOG ROTATION`, `NOTE the`) need punctuation; in lower case any word needs punctuation that no
# sentence has there (`error:`, `Info   CBS`, `critical/ApiListener:`); in brackets any word counts (`[core:warn]`,
# `<Error> `, `[Server thread/WARN]`).
CAPITALS: Final = (
    rb"(?=[A-Z]{3})(?="
    + either(
        UPPER + rb"[1-9]?(?![^\s:|/,)\]>\[\-\x1b])(?!-[A-Za-z])",
        PROSE_UPPER + rb"[1-9]?(?:[:|/,)\]>\[\x1b]|[ \t\r]*+(?:[:|\[-]|(?!.)))",
        rb"(?:ALERT|PANIC)(?:[:|/,)\]>\[\x1b]|[ \t\r]*+(?!.)|[ \t]++(?![A-Z]{2}))",
    )
    + rb")"
)
_MARKED: Final = (
    rb"(?=[A-Za-z][a-z]{2})"
    + SMALL
    + rb"(?:(?: \d)?[:|\]>)]| ++[|+]|\t|  | - |\x1b|/[A-Z][A-Za-z]{0,40}:| {1,2}[\w-]{1,40}\[\d{1,9}\] \["
    rb"|(?<=[Ff]atal) error:)"
)
BOXED: Final = BLANKS + maybe(rb"[a-z_0-9]{0,40}+:") + rb"(?=" + ANY + rb"[1-9]?" + BLANKS + rb"\])"
_THREAD: Final = rb"[^\[\]/\n]{1,64}+/(?=" + ALL_UPPER + rb"\])"
_ANGLED: Final = rb"<(?=" + ANY + rb">(?:[ \t]|(?!.)))"
LETTER_BOX: Final = rb"\[(?=[FCEWNIDT]\][ \t])"
_XORG: Final = rb"\((?=(?:EE|WW|II)\)[ \t])"
LEVEL: Final = either(rb"\[" + BOXED, rb"\[" + _THREAD, CAPITALS, rb"(?=" + _MARKED + rb")", _ANGLED)

# A time stamp and any numbers after it: 2024-01-02T15:04:05.678+01:00 17, Sun Dec 04 04:47:44 2005, 02-Jan-2024 15:04,
# 3:04PM
_DIGITS: Final = rb"\d[0-9 \t:,./+_|-]*+"
_DAY: Final = rb"[A-Z][a-z][a-z],? {1,2}"
_ZONE: Final = rb"(?!CRIT)(?:Z|UTC|GMT|[AP]M|[A-Z]{1,3}T)(?![A-Za-z])[0-9 \t:,./+_|-]*+"
STAMP: Final = (
    maybe(_DAY + maybe(_DAY))
    + rb"(?=[0-9 :,./+_|T-]{8}|\d\d?[-/ ][A-Z][a-z]{2}[-/ ]|\d\d?:\d\d(?::\d\d)? ?[AP]M)"
    + _DIGITS
    + maybe(rb"T" + _DIGITS + rb"|[A-Z][a-z]{2}[-/ :]" + _DIGITS)
    + maybe(_ZONE)
)

# Columns between the stamp and the level: brackets without a level; numbers; pairs; a thread, logger or source file,
# which is a token that begins no sentence, or any word between dashes or bars; a program's or category's name, where a
# level and a colon follow. `sshd[1]:` is deliberately none of these: what follows a syslog tag is message text.
BOX: Final = (
    either(
        rb"\[(?!" + BOXED + rb"|[FCEWNIDT]\])[^\[\]/\n]{0,256}+"
        + maybe(rb"/(?!" + ALL_UPPER + rb"\])[^\[\]\n]{0,256}+")
        + maybe(rb"\[[^\[\]\n]{0,64}+\][^\[\]\n]{0,128}+")
        + rb"\]",
        rb"\((?!(?:EE|WW|II)\))[^()\n]{0,128}+\)",
        rb"\{[^{}\n]{0,128}+\}",
        rb"(?!" + _ANGLED + rb")<[^<>\n]{0,128}+>",
    )
    + rb"[ \t:|-]*+"
)  # fmt: skip
_NAME: Final = (
    rb"(?:main|"
    + maybe(rb"\.{3}")
    + rb"[A-Za-z_]++[0-9.$/@#-][A-Za-z0-9_.$/@#-]*+"
    + maybe(rb":\d{1,6}" + maybe(rb":[\w.*]{1,80}+\(\)|:"))
    + rb")[ \t]++"
    + maybe(rb"[-|:][ \t]++")
    + rb"(?!"
    + _MARKED
    + rb")"
)
_SOURCE: Final = rb"\.{3}[\w/.-]{1,128}+:\d{1,6}:[\w.*]{1,80}+\(\)[ \t]++"
_PAIR: Final = rb"[A-Za-z_][\w.-]{0,40}+=[^\s\"=]{1,128}+[ \t]++"
_DASHED: Final = rb"\w++[ \t]++[-|][ \t]++(?=" + ANY + GAP + rb"[-|:])"
_PROGRAM: Final = (
    either(
        rb"[a-z][\w.-]{0,40}+"
        + repeated(rb":[\w.-]{1,40}+", b"{0,2}")
        + maybe(rb"\([^()\s]{0,64}+\)")
        + repeated(rb"<[^<>\s]{0,64}+>", b"{0,3}")
        + rb":",
        maybe(rb"(?!pid )[a-z_]{1,20}+ ") + rb"pid \d{1,9}:",
    )
    + rb"[ \t]++(?="
    + either(ALL_UPPER, SMALL)
    + rb"(?: ?[1-9])?:)"
)
_SPACED: Final = either(
    rb"[a-z][\w.-]{0,40}+[ \t]++(?=" + ALL_UPPER + rb"[1-9]?[ \t]:)",
    rb"[a-z]{1,40}+[ \t]\[(?=" + UPPER + rb"\])",
    rb"[a-z][\w-]{0,40}+\[\d{1,9}:\d{1,9}\][ \t](?=" + SMALL + rb":)",
)
_MONOLOG: Final = rb"\w{1,40}+\.(?=" + ALL_UPPER + rb":)"
PHP: Final = rb"PHP " + maybe(rb"(?:Parse|Recoverable|Core|Compile|User) ")
_HEX_NAME: Final = rb"[0-9a-f]{8}[ \t][A-Za-z_][\w.]{0,64}+[ \t]++(?=[FEWID][ \t])"  # WebSphere
_DEPRECATED: Final = rb"(?=Deprecated:)"
_COLUMNS_LEVEL: Final = either(_MONOLOG, _SPACED, LETTER_BOX, _XORG, _DEPRECATED, LEVEL)
PHP_LEVEL: Final = PHP + either(_DEPRECATED, LEVEL)
PROSE: Final = rb"[A-Za-z][a-z]++ (?!pid \d|error:|[\w-]{1,40}+\[\d)[a-z]"
"""Two words of a sentence: neither a column nor a level begins so."""
TAG: Final = rb"[A-Za-z_][\w./-]{1,64}+" + maybe(rb"\(\w{1,40}+\)") + rb"\[\d{1,9}\]:"
"""A syslog tag: a message is behind it."""
_IN_CAPITALS: Final = rb"[A-Z]{2,40}+[ \t:]"
"""Such a word is a level, or one of two columns."""
_COLUMN: Final = either(
    BOX,
    _COLOUR_GAP,
    rb"(?=[\w.])"
    + either(
        rb"(?=" + _IN_CAPITALS + rb")" + either(PHP, _DASHED),
        rb"(?!"
        + either(_IN_CAPITALS, PROSE)
        + rb")"
        + either(_NAME, rb"(?!" + TAG + rb")" + either(_PROGRAM, rb"\d[0-9 \t:.|-]*+", _PAIR, _SOURCE, _DASHED)),
    ),
    rb"[#-][ \t]++",
)
COLUMNS: Final = (
    repeated(_COLUMN, b"*")
    + rb"(?=[\w\[(<])"
    + either(
        rb"(?=" + _IN_CAPITALS + rb")" + CAPITALS,
        rb"(?!" + either(PROSE, TAG) + rb")" + _COLUMNS_LEVEL,
    )
)

_FACILITIES: Final = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console"
FACILITY: Final = any_of([*_FACILITIES.split(), *(f"local{number}" for number in range(8))])
_DOTTED: Final = FACILITY + rb"\.(?=" + LOWER + rb"[ \t])"
_FACILITY_LEVEL: Final = either(_DOTTED, rb"[\w.:-]{1,64}+[ \t]++" + _DOTTED)
_LETTER: Final = rb"(?=[FCEWNIDT](?: [A-Z]{3,} | \| |! ))"  # MongoDB before 4.4, etcd before 3.4, Telegraf
_ESXI: Final = rb"(?:Em|Al|Cr|Er|Wa|No|In|Db)\((?=\d{1,3}\) )"
LOGCAT_BRIEF: Final = rb"(?=[VDIWEF]/[A-Za-z0-9_.$:-]{0,64}+ *+[(:])"
_AT_ONCE: Final = rb"(?=[\w.:-])" + either(CAPITALS, _FACILITY_LEVEL)
_NO_PROSE: Final = either(
    rb"(?!" + PROSE + rb")" + either(rb"(?=[A-Z])" + either(_LETTER, LOGCAT_BRIEF, _ESXI), COLUMNS)
)
AFTER_STAMP: Final = either(_AT_ONCE, rb"(?=[0-9a-f \t\x1b])" + BLANKS + _HEX_NAME, _NO_PROSE)

CRI_STAMP: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]{0,10}(?:Z|[+-]\d\d:\d\d) "
PARTS: Final = {
    "stamp": STAMP,
    "boxed": BOXED,
    "level": LEVEL,
    "box": BOX,
    "columns": COLUMNS,
    "after_stamp": AFTER_STAMP,
}
"""Parts that occur in several formats."""
