"""Twenty failures of eight languages as loggers write them: the first line states an error, the others nothing."""

JAVA = (
    """2025-03-04 10:15:32,001 ERROR [main] c.a.App - request failed
java.lang.IllegalStateException: no stock
\tat com.acme.Stock.take(Stock.java:12)
Caused by: java.io.IOException: disk
\tat com.acme.Disk.read(Disk.java:7)
\t... 2 more
""",
    """2025-03-04 10:15:32.123 ERROR 7 --- [nio-8080-exec-1] c.a.App : update failed
org.springframework.dao.DeadlockLoserDataAccessException:
### Error updating database.  Cause: Deadlock found
### SQL: insert into t_order(id, money) values (?, ?)
; Deadlock found when trying to get lock
\tat org.springframework.jdbc.support.X.translate(X.java:271)
""",
    """SEVERE: connector failed
org.apache.catalina.LifecycleException: Failed
\tat org.apache.catalina.X.y(X.java:1)
""",
)
PYTHON = (
    """2025-03-04 10:15:32,123 ERROR app.db save failed
Traceback (most recent call last):
  File "/srv/app/db.py", line 12, in save
    cursor.execute(statement, parameters)
psycopg2.errors.UndefinedTable: relation "orders" does not exist
LINE 1: SELECT orders.id FROM orders
                              ^

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/main.py", line 3, in <module>
    save()
sqlalchemy.exc.ProgrammingError: relation "orders" does not exist
[SQL: SELECT orders.id FROM orders]
(Background on this error at: https://sqlalche.me/e/20/f405)
""",
    """ERROR:root:division failed
Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    1 / 0
    ~~^~~
ZeroDivisionError: division by zero
""",
    """[2025-03-04 10:15:32,123: ERROR/MainProcess] Task shop.send raised unexpected: ValueError()
Traceback (most recent call last):
  File "/srv/task.py", line 1, in send
    raise ValueError
ValueError
""",
)
GO = (
    """2025-03-04T18:01:19.317Z\tERROR\tcontroller\tReconciler error\t{"error": "not found"}
github.com/go-logr/zapr.(*zapLogger).Error
\t/go/pkg/mod/github.com/go-logr/zapr@v0.2.0/zapr.go:132
sigs.k8s.io/controller-runtime/pkg/internal/controller.(*Controller).reconcileHandler
\t/go/pkg/mod/sigs.k8s.io/controller-runtime@v0.8.0/controller.go:297
""",
    """E0304 10:15:32.678901       1 runtime.go:78] Observed a panic: "x"
goroutine 7 [running]:
k8s.io/apimachinery/pkg/util/runtime.logPanic(0x1, 0x2)
\t/go/pkg/mod/k8s.io/runtime.go:74 +0x95
created by main.main
\t/tmp/x.go:4 +0x2a
""",
    """ERRO[0012] worker died
goroutine 19 [running]:
net/http.(*conn).serve.func1(0xc0000a4be0)
\t/usr/local/go/src/net/http/server.go:1801 +0x147
""",
)
DOTNET = (
    """fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "x": An unhandled exception was thrown.
      System.InvalidOperationException: boom
         at App.Controllers.Home.Get() in /src/Home.cs:line 12
""",
    """2025-03-04 10:15:32.123 +00:00 [ERR] saving failed
Microsoft.EntityFrameworkCore.DbUpdateException: An error occurred while saving the entity changes.
 ---> Npgsql.PostgresException (0x80004005): 23505: duplicate key value

DETAIL: Key (id)=(1) already exists.
   at Npgsql.Internal.NpgsqlConnector.ReadMessageLong(Boolean async)
   --- End of inner exception stack trace ---
   at App.Program.Main()
""",
)
NODE = (
    """2025-03-04T10:15:32.000Z ERROR request failed
PrismaClientKnownRequestError:
Invalid `prisma.user.create()` invocation:


Unique constraint failed on the fields: (`email`)
    at Ln.handleRequestError (/app/library.js:121:7174) {
  code: 'P2002'
}
""",
    """error: cannot connect
Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1494:16) {
  errno: -111
}
""",
    """[2025-03-04T10:15:32.123] [ERROR] default - TypeError: x is not a function
    at Object.<anonymous> (/app/index.js:3:11)
    at node:internal/main/run_main_module:28:49
""",
)
RUBY = (
    """E, [2025-03-04T10:15:32.678901 #1] ERROR -- : boom (RuntimeError)
app/models/x.rb:5:in `save'
actionpack (7.0.4) lib/abstract_controller/base.rb:215:in `process_action'
""",
    """F, [2025-03-04T10:15:32.678901 #1] FATAL -- : undefined method 'x' for nil (NoMethodError)
app.rb:5:in 'Integer#/'
<internal:kernel>:187:in 'loop'
""",
)
PHP = (
    """[04-Mar-2025 10:15:32 UTC] PHP Fatal error:  Uncaught Exception: x in /a.php:3
Stack trace:
#0 /a.php(7): f()
#1 {main}
  thrown in /a.php on line 3
""",
    """[2025-03-04 10:15:32] production.ERROR: No query results {"exception":"[object] (Gone: x at /app/x.php:12)
[stacktrace]
#0 /app/y.php(3): f()
#1 {main}
"}
""",
)
RUST = (
    """2025-03-04T10:15:32.123456Z ERROR app: request failed
thread 'worker' panicked at src/main.rs:2:5:
index out of bounds
stack backtrace:
   0: rust_begin_unwind
note: run with `RUST_BACKTRACE=full`
""",
    """ERROR app: cannot start
Caused by:
    0: cannot read the configuration
    1: No such file or directory (os error 2)
""",
)
FAILURES = [*JAVA, *PYTHON, *GO, *DOTNET, *NODE, *RUBY, *PHP, *RUST]
