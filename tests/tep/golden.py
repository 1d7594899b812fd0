"""Where the golden vectors are, and how values are written there."""

from dataclasses import fields
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "golden" / "tep"


def shown(value: Any) -> Any:
    """A value as JSON: bytes as hex, records as objects, numbers as they are."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [shown(one) for one in value]
    if hasattr(value, "_fields"):
        return {name: shown(getattr(value, name)) for name in value._fields}
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: shown(getattr(value, one.name)) for one in fields(value)}
    if hasattr(value, "items"):
        return {str(key): shown(one) for key, one in value.items()}
    return value
