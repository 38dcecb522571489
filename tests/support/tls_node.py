"""A private node that speaks TLS, demands client certificates, and takes passwords and certificates as logins."""

import os
from pathlib import Path

from logbus.devbroker import DevBroker, Extras
from logbus.devbroker.processes import free_ports
from support.authority import Authority, Issued
from support.secret_files import put
from support.virtual_hosts import VirtualHosts

CONF = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {root}/trusted.pem
ssl_options.certfile = {root}/server.pem
ssl_options.keyfile = {root}/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
ssl_cert_login_from = common_name
"""


class TlsNode:
    """The node, its first CA, and the means to change its certificates and users while it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.authority = Authority(root, "authority")
        self.port = free_ports(1)[0]
        self._write(self.authority.certificate, self.authority.issue("localhost"))
        conf = CONF.format(port=self.port, root=root)
        self.broker = DevBroker(root / "node", Extras(conf, ("rabbitmq_auth_mechanism_ssl",)))
        self._virtual_hosts = VirtualHosts(self.broker)

    def present(self, issued: Issued, trusted: bytes | None = None) -> None:
        """Present another certificate at the next connection, and trust the CAs in `trusted`, by default the first."""
        self._write(self.authority.certificate if trusted is None else trusted, issued)
        self.broker.ctl("eval", "ssl:clear_pem_cache().")

    def offer(self, *mechanisms: str) -> None:
        """Offer only these ways to log in from now on."""
        names = ",".join(f"'{each}'" for each in mechanisms)
        self.broker.ctl("eval", f"application:set_env(rabbit, auth_mechanisms, [{names}]).")

    def reset(self) -> None:
        """Present a valid certificate again, trust the first CA only, and offer both ways to log in."""
        self.offer("PLAIN", "EXTERNAL")
        self.present(self.authority.issue("localhost"))

    def vhost(self) -> str:
        """Return the name of a virtual host that was not used yet."""
        return self._virtual_hosts.take()

    def add_user(self, vhost: str, password: str = "") -> str:
        """Add a user who may do everything in a virtual host; return the name."""
        name = f"user-{vhost}-{os.urandom(3).hex()}"
        self.broker.ctl("add_user", name, password or os.urandom(8).hex())
        self.broker.ctl("set_permissions", "-p", vhost, name, ".*", ".*", ".*")
        return name

    def drop(self, vhost: str) -> None:
        """Close all connections to a virtual host."""
        self.broker.ctl("close_all_connections", "-p", vhost, "test")

    def _write(self, trusted: bytes, issued: Issued) -> None:
        put(self.root / "trusted.pem", trusted)
        put(self.root / "server.pem", issued.certificate)
        put(self.root / "server.key", issued.key)
