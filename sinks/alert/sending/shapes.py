"""A message in the shape of its destination: JSON of chat systems, our own, or mail. No log line can form any of it.

Slack reads `<!channel>` and links between angle brackets, so these are escaped as it asks for. Mattermost reads
Markdown and `@channel`: both are taken apart. Teams gets runs of text, which it does not interpret.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

import msgspec

from sinks.alert.destinations import Mail, Shape
from sinks.alert.notices import Notice
from sinks.alert.templates import stamp, text_of, title_of

SUBJECT_CHARACTERS: Final = 200
NO_WIDTH: Final = "\u200b"
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~-])")
_CARD: Final = "application/vnd.microsoft.card.adaptive"
_CARDS: Final = "http://adaptivecards.io/schemas/adaptive-card.json"
# JSON of any shape.
Body = dict[str, object]


def as_json(notice: Notice) -> Body:
    """Return a message as our own JSON."""
    return {
        "state": notice.kind,
        "rule": notice.rule,
        "severity": notice.severity,
        "host": notice.host,
        "label": notice.label,
        "group": notice.group,
        "count": notice.count,
        "first": stamp(notice.first_s),
        "last": stamp(notice.last_s),
        "sample": notice.sample,
        "over": notice.over,
        "rules": notice.rules,
        "title": title_of(notice),
        "text": text_of(notice),
    }


def _slack(notice: Notice) -> Body:
    return {"text": text_of(notice, _slack_escaped), "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _mattermost(notice: Notice) -> Body:
    return {"text": text_of(notice, _markdown_escaped)}


def _teams(notice: Notice) -> Body:
    """Return an adaptive card, as Teams' workflows take it."""
    card: Body = {
        "$schema": _CARDS,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_runs(title_of(notice), weight="Bolder"), *map(_runs, text_of(notice).split("\n"))],
    }
    return {"type": "message", "attachments": [{"contentType": _CARD, "content": card}]}


def _runs(text: str, weight: str = "Default") -> Body:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text or " ", "weight": weight}]}


SHAPES: Final[Mapping[Shape, Callable[[Notice], Body]]] = {
    "json": as_json,
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
}


def body_of(notice: Notice, shape: Shape) -> bytes:
    """Return the body of a request."""
    return msgspec.json.encode(SHAPES[shape](notice))


def mail_of(notice: Notice, mail: Mail, now_s: float) -> EmailMessage:
    """Return a message as mail; its subject is one line, whatever a rule, host or label contains."""
    found = EmailMessage()
    subject = " ".join(title_of(notice).split())
    found["Subject"] = "".join(each for each in subject if each.isprintable())[:SUBJECT_CHARACTERS]
    found["From"] = mail.sender
    found["To"] = ", ".join(mail.recipients)
    found["Date"] = format_datetime(datetime.fromtimestamp(now_s, UTC))
    found["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(f"{text_of(notice)}\n")
    return found


def _slack_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown_escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text).replace("@", f"@{NO_WIDTH}").replace("://", f":{NO_WIDTH}//")
