"""Put the generated file together: banner, imports, ``__all__`` and the classes, each after what it uses."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence

from codegen.contract import Contract
from codegen.spec import Spec, SpecError

__all__ = ["assemble"]

_BANNER = '''\
# Generated from {name} (sha256 {digest})
# by datamodel-code-generator {version} with codegen/templates. Do not edit: run `make generate`.
"""The types of the contract. Import them from ``voyant_cloud.models``."""
'''
# The one would hide the module from the fields below it, the other is an argument of __init__ already.
_TAKEN = frozenset({"attrs", "self"})
_IMPORTS = "import attrs\nfrom voyant_cloud.models import _containers, _validators\n"
_RUFF = ("--isolated", "--line-length=120", "--target-version=py311", "--stdin-filename=_generated.py", "-")
_SORTED_USED_IMPORTS = ("--select=F401,I", "--fix", "--quiet", '--config=lint.isort.known-first-party=["voyant_cloud"]')


def assemble(spec: Spec, contract: Contract, rendered: str) -> str:
    """Return the text of the generated file.

    Args:
        spec: the document, which the banner names.
        contract: what is generated.
        rendered: the classes as the tool wrote them, with its imports.

    Raises:
        SpecError: where classes refer to each other in a circle, or a name was already taken in Python.
    """
    tree = ast.parse(rendered)
    nodes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    classes = {node.name: _source(rendered, node) for node in nodes}
    names = _ordered(contract)
    _refuse_shadowing(nodes)
    if odd := set(names) ^ set(classes):
        raise SpecError(f"{min(odd)}: cannot be the name of a class here; choose another")
    imports = [ast.unparse(node) for node in tree.body if _is_kept(node)]
    exported = f"__all__ = {sorted(names)!r}"
    version = importlib.metadata.version("datamodel-code-generator")
    banner = _BANNER.format(name=spec.name, digest=spec.digest, version=version)
    parts = [banner, *imports, _IMPORTS, exported, *(classes[name] for name in names)]
    return _formatted("\n\n".join(parts) + "\n")


def _refuse_shadowing(nodes: Sequence[ast.ClassDef]) -> None:
    for node in nodes:
        names = {ast.unparse(part.target) for part in node.body if isinstance(part, ast.AnnAssign)}
        if taken := sorted(names & _TAKEN):
            raise SpecError(f"{node.name}.{taken[0]}: cannot be the name of a field here; choose another")


def _source(text: str, node: ast.ClassDef) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _is_kept(node: ast.stmt) -> bool:
    # The tool believes that it writes dataclasses.
    is_from_dataclasses = isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
    return isinstance(node, (ast.Import, ast.ImportFrom)) and not is_from_dataclasses


def _ordered(contract: Contract) -> list[str]:
    """Return the class names: enumerations, then models, by name except where one needs another."""
    ordered = list(contract.enums)
    for name in contract.models:
        _visit(name, contract, ordered, ())
    return ordered


def _visit(name: str, contract: Contract, ordered: list[str], path: Sequence[str]) -> None:
    if name in path:
        raise SpecError(f"{name}: contains itself through {' -> '.join([*path, name])}, which is not supported")
    if name in ordered:
        return
    for target in sorted(contract.models[name].targets):
        _visit(target, contract, ordered, (*path, name))
    ordered.append(name)


def _formatted(text: str) -> str:
    return _ruff("format", *_RUFF, text=_ruff("check", *_SORTED_USED_IMPORTS, *_RUFF, text=text))


def _ruff(*arguments: str, text: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, input=text, capture_output=True, check=True, encoding="utf-8").stdout
