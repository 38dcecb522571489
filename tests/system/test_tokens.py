"""OAuth 2 tokens as passwords, against a node that verifies them itself."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from logbus.devbroker import DevBroker, Extras
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

KEY = b"a signing key of no less than 32 bytes"
LIFE_S = 4
ADVANCED = """\
, {rabbit, [{channel_tick_interval, 500}]}
, {rabbitmq_auth_backend_oauth2, [{resource_server_id, <<"rabbitmq">>}, {key_config, [{default_key, <<"k">>},
    {signing_keys, #{<<"k">> => {map, #{<<"kty">> => <<"oct">>, <<"k">> => <<"KEY">>}}}}]}]}
"""
ISSUER = f"""\
import base64, hmac, json, time
def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
scope = [f"rabbitmq.{{each}}:*/*" for each in ("configure", "write", "read")]
claims = {{"sub": "web1", "aud": "rabbitmq", "exp": int(time.time()) + {LIFE_S}, "scope": scope}}
parts = [{{"alg": "HS256", "typ": "JWT", "kid": "k"}}, claims]
text = ".".join(encoded(json.dumps(each).encode()) for each in parts)
print(f"{{text}}.{{encoded(hmac.digest({KEY!r}, text.encode(), 'sha256'))}}")
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[DevBroker]:
    """Give a node that takes tokens as passwords, and asks each half second again whether they allow something."""
    key = base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()
    conf = "auth_backends.1 = rabbit_auth_backend_oauth2\nauth_backends.2 = internal\n"
    extras = Extras(conf, ("rabbitmq_auth_backend_oauth2",), ADVANCED.replace("KEY", key))
    running = DevBroker(tmp_path / "node", extras)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def test_an_expired_token_is_replaced_by_a_new_one(
    start: Start, node: DevBroker, tmp_path: Path, eventually: Until
) -> None:
    """When RabbitMQ refuses an expired token, the shipper logs in again with a new one, and nothing is lost."""
    (tmp_path / "issue.py").write_text(ISSUER)
    source, output, config = tmp_path / "app.log", tmp_path / "out.log", tmp_path / "shipper.yml"
    broker = f"{{url: 'amqp://web1@localhost:{node.port}/', password_command: [{sys.executable}, {tmp_path}/issue.py]}}"
    config.write_text(f"broker: {broker}\nstate: {tmp_path}/r\ninputs: [{{paths: [{source}]}}]\n")
    start("sinks", "file", "--path", output, "--state", tmp_path / "s", url=node.url)
    shipper = start("shipper", "-v", "--config", config)

    def write_on() -> bool:
        with source.open("a") as file:
            file.write("a line\n")
        said = shipper.said()  # under load, a token may also expire during the login, which RabbitMQ then cuts off
        return said.count("connected to RabbitMQ") > 2 and "the token that was the password has expired" in said

    eventually(write_on)
    eventually(lambda: output.exists() and output.read_bytes() == source.read_bytes())
    assert shipper.terminate() == 0
    assert "eyJ" not in shipper.said()
