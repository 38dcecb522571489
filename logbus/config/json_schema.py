"""A JSON Schema (2020-12) of a configuration, from its types: for editors, and for checks without Logbus.

A schema accepts every file that Logbus accepts: a number may be text with a unit, and any value that is not text may be
a variable. What types cannot express (two keys that exclude each other, the syntax of a pattern) only Logbus checks.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from logbus.config.documentation import meanings
from logbus.config.quantities import Measure, measure_of

# Any below is JSON of any shape.
Schema = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
VARIABLE: Final = {"type": "string", "pattern": r"\$\{", "description": "an environment variable: ${NAME}"}
NUMBERS: Final = ("integer", "number")


def definitions(kind: type[msgspec.Struct], headings: Mapping[str, str], prefix: str = "") -> dict[str, Schema]:
    """Return the schemas of a struct and of those within it, by `prefix` and name, the struct's own first.

    `headings`: the section of docs/configuration.md about each struct, by the struct's name.
    """
    reference = f"#/$defs/{prefix}{{name}}"
    _, found = msgspec.json.schema_components([kind], schema_hook=_of_anything, ref_template=reference)
    return {f"{prefix}{name}": _explained(_loosened(each, ""), headings.get(name, "")) for name, each in found.items()}


def text_of(title: str, found: Mapping[str, Schema], root: str) -> str:
    """Return a whole schema as text: what is `found`, with the definition `root` at the top."""
    whole = {"$schema": DRAFT, "title": title, "$ref": f"#/$defs/{root}", "$defs": {**found, "variable": VARIABLE}}
    return f"{json.dumps(whole, indent=2, ensure_ascii=False)}\n"


def variable_or(schema: Schema) -> Schema:
    """Return a schema that also accepts a variable."""
    return {"anyOf": [schema, {"$ref": "#/$defs/variable"}]}


def _of_anything(_kind: object) -> Schema:
    """Return the schema of a type that JSON does not know, such as `object`."""
    return {"title": "any value"}


def _explained(schema: Schema, heading: str) -> Schema:
    """Return a struct's schema with the first line of its description, and with the page's meaning of each key."""
    if "properties" not in schema:  # not a struct: an enumeration
        return schema
    meaning = meanings(heading) if heading else {}
    keys = {
        key: {**each, "description": meaning[key]} if key in meaning else each
        for key, each in schema["properties"].items()
    }
    return {**schema, "description": schema.get("description", "").partition("\n")[0], "properties": keys}


def _loosened(schema: Schema, key: str) -> Schema:
    """Return the schema of the value at a key with what Logbus understands beside plain values."""
    inner = dict(schema)
    if "properties" in schema:
        inner["properties"] = {name: _loosened(each, name) for name, each in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        inner["additionalProperties"] = _loosened(schema["additionalProperties"], key)
    if "items" in schema:
        inner["items"] = _loosened(schema["items"], key)
    more = _more(schema.get("anyOf", [schema]), key)
    if not more:
        return inner
    default = {"default": inner.pop("default")} if "default" in inner else {}
    return {"anyOf": [*inner.get("anyOf", [inner]), *more], **default}


def _more(members: list[Schema], key: str) -> list[Schema]:
    """Return what else the value at a key may be, if it is one of `members`."""
    measure = measure_of(key) if any(each.get("type") in NUMBERS for each in members) else None
    quantity = [{"type": "string", "pattern": _pattern(measure), "description": measure.advice}] if measure else []
    plain = any(each.get("type") in (*NUMBERS, "boolean") or "enum" in each for each in members)
    return [*quantity, {"$ref": "#/$defs/variable"}] if plain else quantity


def _pattern(measure: Measure) -> str:
    """Return a pattern for numbers with a unit, in any case: JSON Schema has no flag for that."""
    units = ("".join(f"[{letter.lower()}{letter.upper()}]" for letter in unit) for unit in measure.units)
    return rf"^\s*\d{{1,18}}(\.\d{{1,9}})?\s*({'|'.join(units)})\s*$"
