"""Twenty-odd pieces of logs with stack traces, by preset. A line `~~` stands between records."""

import re

TRACES: dict[str, list[str]] = {
    "java": [
        """2024-01-02 15:04:05,678 INFO  [main] c.a.App - started
~~
2024-01-02 15:04:06,001 ERROR [main] c.a.App - request failed
java.lang.IllegalStateException: no stock
\tat com.acme.Stock.take(Stock.java:12)
\tat com.acme.App.main(App.java:33)
Caused by: java.io.IOException: disk
\tat com.acme.Disk.read(Disk.java:7)
\t... 2 more
~~
2024-01-02 15:04:07,002 INFO  [main] c.a.App - going on
""",
        """Exception in thread "main" java.lang.NullPointerException
\tat com.acme.App.main(App.java:33)
~~
Exception in thread "pool-1" java.util.concurrent.ExecutionException: java.lang.Error: x
\tat java.base/java.util.concurrent.FutureTask.report(FutureTask.java:122)
\tSuppressed: java.lang.Exception: closing
\t\tat com.acme.App.close(App.java:40)
Caused by: java.lang.Error: x
\t... 1 more
~~
done
""",
        """java.lang.OutOfMemoryError: Java heap space
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
~~
java.lang.StackOverflowError
\tat com.acme.Deep.down(Deep.java:1)
\tat com.acme.Deep.down(Deep.java:1)
~~
WARN that was all
""",
        """12:00:00.123 [http-1] WARN  c.e.App - first\r
org.acme.CustomException: second\r
    at com.acme.A.b(A.java:1) ~[app.jar:1.0]\r
Caused by: org.acme.OtherException\r
    ... 12 common frames omitted\r
~~
12:00:00.124 [http-1] INFO  c.e.App - third\r
""",
    ],
    "python": [
        """INFO:root:started
~~
ERROR:root:division failed
Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    1 / 0
    ~~^~~
ZeroDivisionError: division by zero
~~
INFO:root:going on
""",
        """Traceback (most recent call last):
  File "a.py", line 1, in <module>
    raise KeyError("a")
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise ValueError from None
ValueError
~~
next
""",
        """2024-01-02 15:04:05,678 - app - ERROR - x
Traceback (most recent call last):
  File "a.py", line 1, in f
OSError: [Errno 28] No space left on device

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "a.py", line 2, in <module>
app.errors.StoreError: full
~~
2024-01-02 15:04:05,679 - app - INFO - y
""",
        """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  |     raise ExceptionGroup("several", errors)
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "a.py", line 2, in f
    | ValueError: 1
    +---------------- 2 ----------------
    | TypeError: 2
    +------------------------------------
~~
WARNING:root:next
""",
    ],
    "go": [
        """2024/01/02 15:04:05 listening on :8080
~~
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/tmp/sandbox/prog.go:8 +0x1b
exit status 2
~~
2024/01/02 15:04:06 listening on :8080
""",
        """2024/01/02 15:04:05 http: panic serving 127.0.0.1:53722: boom
goroutine 19 [running]:
net/http.(*conn).serve.func1(0xc0000a4be0)
\t/usr/local/go/src/net/http/server.go:1801 +0x147
panic(0x6cb2a0, 0x7c3a40)
\t/usr/local/go/src/runtime/panic.go:975 +0x47a
created by net/http.(*Server).Serve
\t/usr/local/go/src/net/http/server.go:3013 +0x39b
~~
2024/01/02 15:04:06 GET / 200
~~
2024/01/02 15:04:07 GET / 200
""",
        """fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
\t/tmp/x.go:5 +0x3a

goroutine 6 [select]:
example.com/x/worker.(*Pool).run(0xc000012345, {0x0, 0x0})
\t/tmp/worker.go:9 +0x45
created by main.main in goroutine 1
\t/tmp/x.go:4 +0x2a
~~
starting
""",
        """E0102 15:04:05.678901       1 runtime.go:78] Observed a panic: "x"
goroutine 7 [running]:
k8s.io/apimachinery/pkg/util/runtime.logPanic(0x1, 0x2)
\t/go/pkg/mod/k8s.io/runtime.go:74 +0x95
~~
I0102 15:04:06.678901       1 main.go:7] next
""",
    ],
    "dotnet": [
        """info: Microsoft.Hosting.Lifetime[0]
      Now listening on: http://localhost:5000
~~
fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "x": An unhandled exception was thrown.
      System.InvalidOperationException: boom
         at App.Controllers.Home.Get() in /src/Home.cs:line 12
         --- End of inner exception stack trace ---
~~
info: Microsoft.Hosting.Lifetime[0]
      Application is shutting down...
""",
        """Unhandled exception. System.AggregateException: One or more errors occurred. (x)
 ---> System.Exception: x
   at App.Program.<>c.<Main>b__0_0() in /src/Program.cs:line 7
   --- End of inner exception stack trace ---
   at System.Threading.Tasks.Task.Wait()
~~
next
""",
        """2024-01-02 15:04:05.678 +00:00 [ERR] failed
System.Net.Http.HttpRequestException: refused
   at System.Net.Http.HttpClient.Get()
--- End of stack trace from previous location ---
   at App.Program.Main()
~~
2024-01-02 15:04:06.678 +00:00 [INF] next
""",
        """System.ArgumentNullException: Value cannot be null.
   at App.A.B()
~~
System.IO.IOException: full
   at App.C.D()
~~
x
""",
    ],
    "node": [
        """/app/index.js:3
    throw new TypeError('x');
    ^

TypeError: x
    at Object.<anonymous> (/app/index.js:3:11)
    at node:internal/main/run_main_module:28:49

Node.js v18.19.0
~~
listening
""",
        """failed to fetch
Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1494:16) {
  errno: -111,
  code: 'ECONNREFUSED'
}
~~
listening
""",
        """Error: outer
    at f (/app/a.js:1:1) {
  [cause]: TypeError: inner
      at g (/app/a.js:2:1)
}
~~
RangeError [ERR_OUT_OF_RANGE]: too far
    at h (/app/a.js:3:1)
~~
{"level":30,"msg":"next"}
""",
        """Uncaught ReferenceError: y is not defined
    at REPL1:1:1
~~
done
""",
    ],
    "ruby": [
        """I, [2024-01-02T15:04:05.678901 #1]  INFO -- : started
~~
E, [2024-01-02T15:04:05.678901 #1] ERROR -- : boom (RuntimeError)
app/models/x.rb:5:in `save'
app/controllers/x.rb:9:in `create'
~~
I, [2024-01-02T15:04:05.678901 #1]  INFO -- : next
""",
        """app.rb:1:in `foo': undefined method `x' for nil (NoMethodError)
\tfrom app.rb:5:in `<main>'
~~
next
""",
    ],
    "php": [
        """[04-Mar-2025 10:15:32 UTC] PHP Fatal error:  Uncaught Exception: x in /a.php:3
Stack trace:
#0 /a.php(7): f()
#1 {main}
  thrown in /a.php on line 3
~~
[04-Mar-2025 10:15:33 UTC] PHP Warning:  y in /a.php on line 9
""",
        """[2025-03-04 10:15:32] production.ERROR: gone {"exception":"[object] (Gone(code: 0): x at /x.php:12)
[stacktrace]
#0 /y.php(3): f()
#1 {main}
"}
~~
[2025-03-04 10:15:33] production.INFO: next
""",
    ],
    "rust": [
        """2025-03-04T10:15:32Z INFO app: start
~~
thread 'main' panicked at src/main.rs:2:5:
index out of bounds: the len is 3 but the index is 99
stack backtrace:
   0: rust_begin_unwind
             at /rustc/x/library/std/src/panicking.rs:647:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
~~
2025-03-04T10:15:33Z INFO app: next
""",
        """Error: cannot start

Caused by:
    0: cannot read the configuration
    1: No such file or directory (os error 2)
~~
next
""",
    ],
    "indent": [
        """first
  and more
\tand more
~~
second
~~

~~
third
""",
    ],
}


def cases() -> list[tuple[str, list[bytes]]]:
    """Return every piece: its preset and its records."""
    return [(name, _records(text)) for name, texts in TRACES.items() for text in texts]


def _records(text: str) -> list[bytes]:
    return [each.encode() for each in re.split(r"(?m)^~~\n", text)]
