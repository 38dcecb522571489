"""What a record says: its message, and its fields."""

from logbus.fields.parsed import Parsed, Value
from logbus.fields.reading import parse, parse_all
from logbus.fields.values import flat, text_of, value_at

__all__ = ["Parsed", "Value", "flat", "parse", "parse_all", "text_of", "value_at"]
