"""Messages in the shape of their destinations: what a log line says forms none of it."""

import json
from email import message_from_bytes, policy
from typing import Any

import msgspec
import pytest

from sinks.alert.destinations import Mail
from sinks.alert.notices import Notice
from sinks.alert.sending.shapes import body_of, mail_of
from sinks.alert.templates import TEXT_CHARACTERS, text_of, title_of

HOSTILE = '<!channel> @all {rule} {0.__class__} ${HOME} "}]} `x` [a](http://evil.example) ![](http://evil.example/i)'
NOTICE = Notice(
    kind="begun",
    rule="errors",
    host="web-1",
    label="app",
    group={"host": "web-1"},
    count=3,
    first_s=1_795_490_466.0,
    last_s=1_795_490_470.0,
    sample=HOSTILE,
)
MAIL = Mail(server="mail.example.org", sender="logbus@example.org", recipients=["ops@example.org", "b@example.org"])


def body(shape: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a body as what a server reads from it."""
    return json.loads(body_of(NOTICE, shape))


def test_the_default_text_says_what_where_how_often_and_when() -> None:
    """In three lines at most."""
    assert text_of(msgspec.structs.replace(NOTICE, sample="no stock")) == (
        "[err] errors (host=web-1): 3 records from 2026-11-24T03:21:06Z to 2026-11-24T03:21:10Z\nno stock"
    )


def test_a_template_is_replaced_once() -> None:
    """A placeholder in a log line stays as it is."""
    notice = msgspec.structs.replace(NOTICE, text="{rule} on {host}: {sample} {count}")
    assert text_of(notice) == f"errors on web-1: {HOSTILE} 3 records"


def test_slack_gets_no_mention_and_no_link() -> None:
    """Angle brackets and ampersands are escaped, as Slack asks for."""
    found = body("slack")
    assert "&lt;!channel&gt;" in found["text"]
    assert "<" not in found["text"]
    assert found["mrkdwn"] is False


def test_mattermost_gets_no_markdown_and_no_mention() -> None:
    """Neither a link nor an image nor a mention of everybody."""
    text = body("mattermost")["text"]
    assert "@all" not in text
    assert "](" not in text
    assert "http://" not in text


def test_teams_gets_a_card_of_runs_of_text() -> None:
    """Which it does not interpret."""
    (attachment,) = body("teams")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {each["type"] for each in blocks} == {"RichTextBlock"}
    assert blocks[0]["inlines"][0]["text"] == "Logbus: [err] errors web-1 begun"
    assert HOSTILE in blocks[-1]["inlines"][0]["text"]


def test_our_own_json_has_all_of_it() -> None:
    """For a command, or a server of one's own."""
    found = body("json")
    assert (found["state"], found["rule"], found["count"], found["sample"]) == ("begun", "errors", 3, HOSTILE)
    assert found["group"] == {"host": "web-1"}


def test_a_mails_header_cannot_be_injected() -> None:
    """A host with line breaks makes no header of its own; the subject is one line."""
    notice = msgspec.structs.replace(NOTICE, group={"host": "a\r\nBcc: all@example.org\x1b[2J\u2028"})
    found = message_from_bytes(mail_of(notice, MAIL, 0.0).as_bytes(), policy=policy.default)
    assert found["Bcc"] is None
    assert found["Subject"] == "Logbus: [err] errors a Bcc: all@example.org[2J begun"
    assert found["To"] == "ops@example.org, b@example.org"
    assert found["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("shape", ["json", "slack", "mattermost", "teams"])
def test_every_shape_is_json_whatever_is_in_it(shape: str) -> None:
    """Also bytes that are no text, and far too much of it."""
    notice = msgspec.structs.replace(NOTICE, sample="\x00\u2028" + "x" * 100_000, host="\ud7ff")
    assert json.loads(body_of(notice, shape))  # type: ignore[arg-type]
    assert len(text_of(notice)) <= TEXT_CHARACTERS


def test_a_summary_names_the_rules() -> None:
    """And how many incidents began and ended."""
    notice = Notice(kind="summary", rule="", count=41, over=3, rules={"errors": 40, "disk": 1}, first_s=1_795_490_466.0)
    assert text_of(notice) == (
        "41 more incidents began and 3 incidents ended since 2026-11-24T03:21:06Z, beyond the limit of messages per "
        "hour.\nerrors: 40\ndisk: 1"
    )
    assert title_of(notice) == "Logbus: 41 more incidents, beyond the limit of messages"
