"""Services whose logs `logbus-shipper init` knows: where they write, and how to read it. A table, not code.

The order is that of the inputs in the file. `*` at the place of a name of its own makes an input for each such name.
"""

from typing import Final, NamedTuple


class Service(NamedTuple):
    """One of them: its name, its globs (the first that match count, all of `globs` in one input), and its input's keys.

    `why`: the comment above the input. `each`: the number of a path's part whose every name has an input of its own.
    """

    name: str
    globs: tuple[str, ...]
    why: str
    label: str = ""
    format: str = ""
    multiline: str = ""
    path_fields: str = ""
    exclude: tuple[str, ...] = ()
    each: int = 0


SYSLOG: Final = ("/var/log/syslog", "/var/log/messages")
OWN_OUTPUTS: Final = "logbus"
"""Below /var/log: what sinks of this host write is never shipped."""

SERVICES: Final = (
    Service("syslog", SYSLOG, "The system's log, as rsyslog writes it.", "syslog"),
    Service("logins", ("/var/log/auth.log", "/var/log/secure"), "Logins, sudo and sshd.", "auth"),
    Service("audit", ("/var/log/audit/audit.log",), "The kernel's audit trail.", "audit"),
    Service("nginx", ("/var/log/nginx/*.log",), "nginx: requests and errors.", "nginx"),
    Service(
        "Apache",
        ("/var/log/apache2/*.log", "/var/log/httpd/*_log", "/var/log/httpd/*.log"),
        "Apache: requests and errors.",
        "apache",
    ),
    Service(
        "PostgreSQL",
        ("/var/log/postgresql/*.log",),
        "PostgreSQL. The lines of a statement and its DETAIL are indented: one record.",
        "postgresql",
        multiline="indent",
    ),
    Service(
        "MySQL or MariaDB",
        ("/var/log/mysql/*.log", "/var/log/mysqld.log", "/var/log/mariadb/*.log"),
        "MySQL or MariaDB.",
        "mysql",
    ),
    Service("Redis", ("/var/log/redis/*.log",), "Redis, whose severities are characters.", "redis", "redis"),
    Service("RabbitMQ", ("/var/log/rabbitmq/*.log",), "RabbitMQ itself.", "rabbitmq", multiline="indent"),
    Service(
        "Tomcat",
        ("/var/log/tomcat*/catalina*.out", "/var/log/tomcat*/*.log"),
        "Tomcat. A stack trace is one record.",
        "tomcat",
        multiline="java",
    ),
    Service(
        "Docker",
        ("/var/lib/docker/containers/*/*-json.log",),
        "Containers of Docker, with the driver json-file.",
        "docker",
        "docker",
        path_fields="docker",
    ),
    Service(
        "Kubernetes",
        ("/var/log/pods/*/*/*.log",),
        "Containers of Kubernetes; the path says whose.",
        "kubernetes",
        "cri",
        path_fields="kubernetes",
    ),
    Service("applications in /srv", ("/srv/*/log/*.log", "/srv/*/logs/*.log"), "An application in /srv.", each=2),
    Service("applications in /opt", ("/opt/*/logs/*.log", "/opt/*/log/*.log"), "An application in /opt.", each=2),
    Service("others", ("/var/log/*/*.log",), "More logs of a program.", each=3),
)
