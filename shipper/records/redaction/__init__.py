"""Takes personal data and secrets out of records before they leave the host."""

from shipper.records.redaction.redactor import BEGIN_KEY, Redactor, key_blocks

__all__ = ["BEGIN_KEY", "Redactor", "key_blocks"]
