"""`logbus-shipper --schema`: the JSON Schema of a shipper.yml."""

from typing import Final

from logbus.config.json_schema import definitions, text_of
from shipper.settings import Settings

HEADINGS: Final = {
    "Settings": "shipper.yml",
    "Input": "inputs",
    "Multiline": "multiline",
    "Selection": "keep and drop",
    "RateLimit": "rate_limit",
    "Redact": "redact",
    "Case": "tests",
    "Expected": "expected records",
    "Window": "window",
    "Broker": "broker",
}


def text() -> str:
    """Return the schema as text."""
    found = definitions(Settings, HEADINGS)
    root = found["Settings"]
    root["required"] = ["inputs"]  # the type allows none, for the command line's inputs
    root["properties"]["inputs"]["minItems"] = 1
    return text_of("Logbus: shipper.yml", found, "Settings")
