"""Lines with columns: what the columns say, and the text behind them."""

# ruff: noqa: E501 - a case is a line

import json

import pytest

from logbus.fields import parse

LINES = r"""
2024-01-02 15:04:05,678 INFO  [main] org.acme.App - x|columns|{"level":"INFO","thread":"main","logger":"org.acme.App"}
2024-01-02 15:04:05,678 [main] INFO  App - x|columns|{"thread":"main","level":"INFO"}|App - x
15:04:05.678 [worker-2] INFO  org.acme.App - x|columns|{"thread":"worker-2","level":"INFO","logger":"org.acme.App"}
2024-01-02 15:04:05.678  INFO 4711 --- [shop] [nio-8080-exec-1] o.a.App   : x|columns|{"level":"INFO","pid":"4711","application":"shop","thread":"nio-8080-exec-1","logger":"o.a.App"}
2024-01-02 15:04:05,678 - shop.orders - WARNING - x|python|{"logger":"shop.orders","level":"WARNING"}
WARNING:root:x|python|{"level":"WARNING","logger":"root"}
[2024-01-02 15:04:05,678: WARNING/Main] x|celery|{"level":"WARNING","thread":"Main"}
[2024-01-02 15:04:05 +0000] [12] [INFO] x|columns|{"pid":"12","level":"INFO"}
2024-01-02 15:04:05 [scrapy.core.engine] INFO: x|columns|{"logger":"scrapy.core.engine","level":"INFO"}
2024-01-02T15:04:05.678901Z  INFO shop::queue: x|tracing|{"level":"INFO","logger":"shop::queue"}
2024-01-02T15:04:05.678901Z  WARN job{id=1}:inner: shop: x|tracing|{"level":"WARN","logger":"shop"}
17/06/09 20:10:40 INFO executor.Backend: x|columns|{"level":"INFO","logger":"executor.Backend"}
10.0.0.1 - jo [24/Nov/2026:10:00:00 +0000] "GET /a?b=\"c HTTP/1.1" 200 12 "-" "curl/8"|access|{"client":"10.0.0.1","user":"jo","request":"GET /a?b=\\\"c HTTP/1.1","method":"GET","path":"/a?b=\\\"c","protocol":"HTTP/1.1","status":"200","bytes":"12","agent":"curl/8"}|"GET /a?b=\"c HTTP/1.1" 200 12 "-" "curl/8"
10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "\x16\x03" 400 -|access|{"client":"10.0.0.1","request":"\\x16\\x03","status":"400"}|"\x16\x03" 400 -
2026/11/24 10:00:00 [error] 77#2: *9 x, client: 10.0.0.2, server: a, request: "GET / HTTP/1.1", host: "a"|nginx|{"level":"error","pid":"77","tid":"2","connection":"9","client":"10.0.0.2","server":"a","request":"GET / HTTP/1.1","host":"a"}|x, client: 10.0.0.2, server: a, request: "GET / HTTP/1.1", host: "a"
[Sun Dec 04 04:47:44.123 2005] [core:error] [pid 12:tid 34] [client 10.0.0.1:5] x|apache|{"module":"core","level":"error","pid":"12","tid":"34","client":"10.0.0.1:5"}
<34>Nov  4 10:00:00 web su[1]: x|syslog|{"priority":"34","host":"web","program":"su","pid":"1"}
<34>su: x|syslog|{"priority":"34","program":"su"}
Nov 24 10:00:00 web kernel: x|syslog|{"host":"web","program":"kernel"}
2026-11-24T10:00:00.123456+01:00 web kernel: x|syslog|{"host":"web","program":"kernel"}
<34>1 2003-10-11T22:14:15Z web su - ID47 [a@1 k="v\]" l="w"][b] x|syslog|{"priority":"34","host":"web","program":"su","msgid":"ID47","a@1.k":"v]","a@1.l":"w"}
W0102 15:04:05.678901   1 main.go:7] x|klog|{"level":"W","thread":"1","source":"main.go:7"}
03-17 16:13:38.811  1702  2395 W Tag: x|logcat|{"pid":"1702","tid":"2395","level":"W","tag":"Tag"}
W/Tag( 1702): x|logcat|{"level":"W","tag":"Tag","pid":"1702"}
123:M 01 Jan 2024 00:00:00.000 # x|redis|{"pid":"123","role":"M","level":"#"}
W, [2024-01-02T15:04:05.5 #12]  WARN -- app: x|ruby|{"pid":"12","level":"WARN","program":"app"}
2024-01-02 15:04:05.678 UTC [123] jo@shop ERROR:  x|postgresql|{"pid":"123","user":"jo","database":"shop","level":"ERROR"}
2024-01-02 15:04:05.678 UTC [123] DETAIL:  x|postgresql|{"pid":"123"}|DETAIL:  x
[15:04:05 INF] x|serilog|{"level":"INF"}
2024-01-02T15:04:05Z ERROR disk failed: x|columns|{"level":"ERROR"}|disk failed: x
2024-01-02T15:04:05Z ERROR example.com: x|columns|{"level":"ERROR"}|example.com: x
web-1  | 2024-01-02 15:04:05 WARN x|columns|{"container":"web-1","level":"WARN"}
\x1b[90m15:04:05\x1b[0m \x1b[31mERR\x1b[0m x|columns|{"level":"ERR"}
2024-01-02 15:04:05\tINFO\tmain.go:7\tx\t{"a":1}|zap|{"level":"INFO","source":"main.go:7","a":1}
2024-01-02 15:04:05 INFO [shop.orders] x|columns|{"level":"INFO","logger":"shop.orders"}
2024-01-02 15:04:05 INFO shop.orders:42 - x|columns|{"level":"INFO","logger":"shop.orders","line":"42"}
a.example 10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/2.0" 200 12|access|{"host":"a.example","client":"10.0.0.1","request":"GET / HTTP/2.0","method":"GET","path":"/","protocol":"HTTP/2.0","status":"200","bytes":"12"}|"GET / HTTP/2.0" 200 12
2024-01-02 15:04:05 pid=1 jid=a INFO: x|columns|{"pid":"1","jid":"a","level":"INFO"}
2024-01-02 15:04:05 [error    ] x|columns|{"level":"error"}
"""
TEXTS = """
connection error while reading
2024-01-02 15:04:05 error while reading
the server: started
Error handling is hard
2024-01-02 15:04:05 x
web-1  | x
Nov 24 10:00:00 went by
10:00 was the time
ERROR
"""


@pytest.mark.parametrize("case", LINES.strip().splitlines())
def test_columns(case: str) -> None:
    """Each line has its format and fields; its message is `x` unless another is given. A trace is kept in it."""
    line, form, rest = next(
        (line, form, rest) for form in FORMS for line, sign, rest in [case.partition(f"|{form}|")] if sign
    )
    fields, _, message = rest.partition("}|")
    record = line.replace(r"\x1b", "\x1b").replace(r"\t", "\t").encode()
    found = parse(record + b"\n")
    assert (found.format, found.fields) == (form, json.loads(fields + "}" * bool(message)))
    assert found.message.decode() == (message or "x")
    if "\\t{" not in line:
        assert parse(record + b"\n\tat a\n").message == found.message + b"\n\tat a"


FORMS = {part for case in LINES.splitlines() for part in case.split("|") if part.isalpha() and part.islower()} - {"x"}


@pytest.mark.parametrize("text", TEXTS.strip().splitlines())
def test_text(text: str) -> None:
    """A sentence has no fields, and is its own message."""
    found = parse(text.encode())
    assert (found.format, found.fields, found.message) == ("text", {}, text.encode())
