"""Read an OpenAPI document and refuse, in one line, what is none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

__all__ = ["Spec", "SpecError", "read_spec"]


class SpecError(Exception):
    """The document cannot be generated from; the message says where and why."""


@attrs.frozen
class Spec:
    """An OpenAPI document.

    Attributes:
        name: how the generated file names it.
        digest: the SHA-256 of the file, in hex.
        schemas: its component schemas by name.
    """

    name: str
    digest: str
    schemas: Mapping[str, Any]


def read_spec(path: Path, name: str) -> Spec:
    """Read the document at *path*.

    Args:
        path: a YAML or JSON file.
        name: how the generated file shall name it.

    Returns:
        The document.

    Raises:
        SpecError: where the file cannot be read, is not YAML, or is not OpenAPI 3.x with component schemas.
    """
    try:
        content = path.read_bytes()
        document = yaml.safe_load(content)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise SpecError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    return Spec(name, hashlib.sha256(content).hexdigest(), _schemas(path, document))


def _schemas(path: Path, document: object) -> Mapping[str, Any]:
    version = document.get("openapi") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not str(version).startswith("3."):
        raise SpecError(f"{path}: is not OpenAPI 3.x: `openapi` is {version!r}")
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    if not isinstance(schemas, Mapping) or not schemas:
        raise SpecError(f"{path}: has no `components.schemas`")
    if odd := [name for name in schemas if not isinstance(name, str)]:
        raise SpecError(f"{path}: components.schemas: {odd[0]!r} is not a string; put it in quotes")
    return schemas
