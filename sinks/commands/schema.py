"""`logbus-sinks --schema`: the JSON Schema of a sinks.yml, with the keys of every sink type that is installed."""

from importlib.metadata import entry_points
from typing import Final

from logbus.broker.topology import RESERVED
from logbus.config.json_schema import Schema, definitions, text_of, variable_or
from sinks.settings import Common, Settings
from sinks.sink import GROUP, find_type

COMMON: Final = {"Common": "Keys of every sink", "Queue": "queue"}
TOP: Final = {"Settings": "sinks.yml", "Broker": "broker"}
NESTED: Final = {
    "Rotation": "rotate",
    "Rule": "alert rules",
    "Destination": "alert destinations",
    "Webhook": "webhook",
    "Mail": "mail",
}
TYPE_ONLY: Final[Schema] = {"properties": {"type": {}}, "required": ["type"]}


def text() -> str:
    """Return the schema as text."""
    names = sorted({point.name for point in entry_points(group=GROUP)})
    found = definitions(Settings, TOP) | definitions(Common, COMMON)
    common = found.pop("Common")
    for name in names:
        found |= _of_type(name, common)
    found |= {"sink": _choice(names, "sink"), "output": _choice(names, "output")}
    found["Settings"]["properties"]["sinks"] |= {
        "propertyNames": {"pattern": "^[a-z0-9_-]+$", "not": {"enum": sorted(RESERVED)}},
        "additionalProperties": {"$ref": "#/$defs/sink"},
    }
    return text_of("Logbus: sinks.yml", found, "Settings")


def _of_type(name: str, common: Schema) -> dict[str, Schema]:
    """Return the schemas of a sink type: as a sink, with the keys of every sink, and as the output of another."""
    kind = find_type(name).Settings
    found = definitions(kind, NESTED | {kind.__name__: name}, f"{name}.")
    own = found.pop(f"{name}.{kind.__name__}")
    if name == "severity":
        own["properties"]["write"] |= {"additionalProperties": True, "$ref": "#/$defs/output"}
    return {**found, f"{name}.sink": _joined(own, common, name), f"{name}.output": _joined(own, TYPE_ONLY, name)}


def _joined(own: Schema, common: Schema, name: str) -> Schema:
    keys = {**common["properties"], "type": {"const": name}}
    required = sorted({*common["required"], *own["required"]})
    return {**own, "title": f"{name} sink", "properties": own["properties"] | keys, "required": required}


def _choice(names: list[str], form: str) -> Schema:
    """Return the schema of any sink: `type` decides which keys it has."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": variable_or({"enum": names})},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/{name}.{form}"},
            }
            for name in names
        ],
    }
