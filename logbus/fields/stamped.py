"""The formats that begin with a time stamp: each matches from the end of the stamp to the message.

The stamp may stand in brackets. A logger, a thread or a process is read only where its place or its spelling leaves no
doubt: `INFO  [main] org.acme.App - x` has a thread and a logger, `INFO [abc] retry: x` has neither.
"""

from typing import Final

from logbus.fields import syslog
from logbus.fields.parts import (
    BOX,
    CLASS,
    GAP,
    LEVEL,
    LEVEL_COLUMN,
    LEVEL_WORD,
    LOGGER,
    NUMBER,
    PROGRAM,
    SOURCE,
    THREAD_BOX,
    TO_MESSAGE,
    TOKEN,
)
from logbus.severity.words import SMALL, either, maybe, repeated

_BLANKS: Final = rb"[ \t]++"
_NAME_IN_BOX: Final = rb"\[ *+(?P<logger>[^\[\]\n]{1,200}?) *\]"
_ANY_LOGGER: Final = rb"(?P<logger>" + TOKEN + rb")"
_SPRING: Final = (
    rb"(?P<pid>" + NUMBER + rb") --- " + maybe(rb"\[ *(?P<application>[^\[\]\n]{0,100}?) *\] (?=\[ *[^\s\[\]])")
    + rb"\[ *(?P<thread>[^\[\]\n]{1,100}?) *\] " + maybe(rb"\[[0-9a-f -]{0,60}\] ") + _ANY_LOGGER + rb" *: "
)  # fmt: skip
_WILDFLY: Final = rb"\[(?P<logger>[\w.$-]{1,200})\] \((?P<thread>[^()\n]{1,128})\) "
_ZOOKEEPER: Final = rb"\[(?P<thread>[^\n]{1,200}?):(?P<logger>[\w$]{1,100})@(?P<line>[0-9]{1,6})\] - "
_BOXED_THREAD: Final = rb"\[ *(?P<thread>[^\[\]\n]{1,128}?) *\][ \t]++"
_WITH_THREAD: Final = _BOXED_THREAD + either(
    _ANY_LOGGER + _BLANKS + rb"-" + _BLANKS, LOGGER + TO_MESSAGE, CLASS + _BLANKS, SOURCE + TO_MESSAGE
)
_LINE: Final = maybe(rb":(?P<line>[0-9]{1,6})")
_OPENSTACK: Final = rb"(?P<logger>[a-z_]\w*(?:\.\w{1,64}){1,8}) (?=\[)"
_PROCESS: Final = rb"(?P<pid>" + NUMBER + rb")" + GAP
_BEHIND_LEVEL: Final = maybe(
    either(
        _SPRING,
        _ZOOKEEPER,
        _WILDFLY,
        _WITH_THREAD,
        SOURCE + either(TO_MESSAGE, _BLANKS),
        maybe(_PROCESS) + either(LOGGER + _LINE + TO_MESSAGE, CLASS + TO_MESSAGE, CLASS + GAP, _OPENSTACK),
        THREAD_BOX + GAP,
        rb"\[" + LOGGER + rb"\]" + GAP,
    )
)
_PAIRS: Final = rb"(?P<pairs>" + repeated(rb"[A-Za-z_][\w.-]{0,40}+=[^\s\"=\\]{1,128}+[ \t]++", b"{1,32}") + rb")"
_BEFORE_LEVEL: Final = either(
    BOX + GAP + maybe(BOX + GAP) + rb"(?=[\[A-Za-z<])",
    _PROCESS + maybe(BOX + GAP) + rb"(?=[\[A-Z<])",
    either(SOURCE + maybe(rb":[\w.*]{1,80}\(\)"), LOGGER) + GAP + rb"(?=[\[A-Z<])",
    _PAIRS + rb"(?=[\[A-Z<])",
)
_PIPE: Final = rb"[ \t]*+\|[ \t]*+"

BARE: Final = "stamped"
"""Not a format of its own: an object or pairs have to follow."""

STAMPED: Final = (
    (
        "nginx",
        rb" \[(?P<level>[a-z]{4,6})\] (?P<pid>" + NUMBER + rb")#(?P<tid>" + NUMBER + rb"): "
        + maybe(rb"\*(?P<connection>[0-9]{1,20}) "),
    ),
    (
        "postgresql",
        rb"(?: [A-Z]{2,5})? \[(?P<pid>" + NUMBER + rb")(?:-[0-9]{1,9})?\](?: \[[0-9]{1,9}-[0-9]{1,9}\])?:? "
        + maybe(rb"(?P<user>[^\s@]{1,64})@(?P<database>[^\s:]{1,64}) ")
        + either(
            rb"(?P<level>LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG[1-5]?):  ",
            rb"(?=(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION):  )",
        ),
    ),
    (
        "mysql",
        rb"[ \t]++(?P<thread>" + NUMBER + rb") \[(?P<level>System|Warning|Note|ERROR|Error|Info)\] "
        + maybe(rb"\[(?P<code>MY-[0-9]{1,6})\] ") + maybe(rb"\[(?P<module>[A-Za-z]{2,20})\] "),
    ),
    (
        "mongodb",
        rb" (?P<level>[FEWID][1-5]?) +(?P<module>[A-Z_]{1,20}|-) +\[(?P<thread>[^\]\n]{1,100})\] ",
    ),
    ("elasticsearch", rb"\[" + LEVEL_WORD + rb" *\]" + _NAME_IN_BOX + rb" ?"),
    ("kafka", rb" " + LEVEL_COLUMN + rb" (?P<message>)[^\n]*?\((?P<logger>[a-z][\w.$]{1,200})\)(?![^\n])"),
    ("monolog", rb" (?P<logger>[\w-]{1,64})\." + LEVEL_COLUMN + rb": "),
    ("python", rb" - (?P<logger>[A-Za-z_][\w.-]{0,200}) - (?:\[?)" + LEVEL_COLUMN + rb"\]? - "),
    ("nlog", _PIPE + LEVEL_WORD + _PIPE + _ANY_LOGGER + either(_PIPE, rb" - ")),
    ("pipes", rb"\|(?P<module>\w{1,64})\|(?P<pid>" + NUMBER + rb")\|"),
    (
        "zap",
        rb"\t(?P<level>[A-Za-z]{4,6})\t" + maybe(rb"(?P<logger>[\w./-]{1,100})\t(?=[^\t\n]{1,200}:[0-9]{1,6}\t)")
        + rb"(?P<source>[^\t\n]{1,200}:[0-9]{1,6})\t",
    ),
    (
        "tracing",
        rb"(?<=Z)" + either(rb"  (?P<level>INFO|WARN)", rb" (?P<level>ERROR|DEBUG|TRACE)") + GAP
        + maybe(rb"[\w-]{1,100}\{[^{}\n]{0,500}\}:(?:[\w-]{1,100}(?:\{[^{}\n]{0,500}\})?:){0,7} ")
        + rb"(?P<logger>[a-z_]\w{0,63}(?:::\w{1,64}){0,12})" + rb":" + GAP,
    ),
    ("program", rb" (?P<logger>[A-Za-z][\w.]{0,64}) +\[(?P<pid>[0-9]{1,10})\]: " + LEVEL_COLUMN + rb" +"),
    ("program", rb" (?P<program>[a-z][\w-]{0,60}(?::[\w-]{1,60}){0,3}): " + LEVEL_COLUMN + rb": +"),
    ("program", rb" " + PROGRAM + rb": (?P<level>" + SMALL + rb"(?: [0-9]{1,2})?): "),
    ("pgpool", rb":? (?:[a-z_]{1,20} )?pid (?P<pid>[0-9]{1,9}): (?P<level>[A-Z]{3,7}):  "),
    (
        "clickhouse",
        rb" \[ (?P<thread>[0-9]{1,10}) \] \{(?P<query_id>[^{}\n]{0,64})\} <" + LEVEL_WORD
        + rb"> (?P<logger>[^:\n]{1,100}): ",
    ),
    ("lambda", rb"\t(?P<request_id>[0-9a-f-]{36})\t" + LEVEL_WORD + rb"\t"),
    ("esxi", rb" (?P<level>[a-z]{4,8}) (?P<program>[\w-]{1,40})\[(?P<pid>\w{1,20})\] " + maybe(rb"\[[^\]\n]{1,99}\] ")),
    ("github", rb" ##\[(?P<level>" + SMALL + rb")\]"),
    ("jvm", maybe(rb"\[[0-9.]{1,20}m?s\]") + rb"\[" + LEVEL_WORD + rb" *\]\[(?P<logger>[\w,]{1,60}) *\] "),
    ("icinga", rb" (?P<level>" + SMALL + rb")/(?P<logger>[A-Z]\w{1,40}): "),
    ("websphere", rb" (?P<thread>[0-9a-f]{8}) (?P<logger>[\w.]{1,64}) +(?P<level>[FEWAICDOR12345]) +"),
    ("syslog", syslog.FACILITY_COLUMN),
    ("go", rb" " + SOURCE + rb": "),
    (
        "columns",
        rb"[:,]?" + maybe(GAP) + maybe(rb"-[ \t]++") + rb"(?:" + _BEFORE_LEVEL + rb")?(?:- )?" + LEVEL
        + maybe(rb"[-|][ \t]++") + _BEHIND_LEVEL,
    ),
    (BARE, GAP + rb"(?=\{|[A-Za-z_][\w.-]{0,64}=)"),
)  # fmt: skip
"""The name of each, and its pattern."""
