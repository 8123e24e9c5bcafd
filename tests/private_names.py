# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Finds the private names of other packages that the product's code uses.

An attribute that begins with ``_`` is taken for another package's unless this code
defines it; a method of this code is taken for an override when a class of another
package, which it extends, has one of the same name.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from textwrap import dedent

from odoo import models

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "private-names.md"
PACKAGE = __name__.rpartition(".tests.")[0]
NO_PRODUCT = {"tests", "dev", "docs", "static", "i18n", "readme"}
# What the packages document, though it begins with an underscore.
DOCUMENTED = {
    "_",  # env._: translation
    "_replace",  # named tuples
    "_name",
    "_description",
    "_inherit",
    "_inherits",
    "_order",
    "_rec_name",
    "_auto",
    "_table",
    "_log_access",
    "_check_company_auto",
    "_transient",
    "_transient_max_hours",
    "_transient_max_count",
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def read_page(path: Path = PAGE) -> dict[str, dict[str, str]]:
    """The rows of the page's tables: ``{owner.name: {column: cell}}``."""
    rows = {}
    columns: list[str] = []
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = [cell.lower() for cell in cells]
        elif not set(line) <= set("|- :"):
            name = cells[0].strip("`")
            assert name not in rows, f"{name} is on the page twice"
            rows[name] = dict(zip(columns, cells, strict=True))
    return rows


class Code:
    """The product's code.

    :param root: folder of the addon.
    """

    def __init__(self, root: Path = ROOT):
        self._root = root
        self._trees = {
            path: ast.parse(path.read_text())
            for path in sorted(root.rglob("*.py"))
            if path.relative_to(root).parts[0] not in NO_PRODUCT
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
        }

    @cached_property
    def defined(self) -> set[str]:
        """Names that this code defines: functions, classes, attributes."""
        return {
            name
            for tree in self._trees.values()
            for node in ast.walk(tree)
            for name in _defined(node)
        }

    def foreign_uses(self) -> dict[str, str]:
        """Private attributes that are used and not defined here, and where."""
        return {
            node.attr: f"{path.relative_to(self._root)}:{node.lineno}"
            for path, tree in self._trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and is_private(node.attr)
            if node.attr not in self.defined | DOCUMENTED
        }

    def foreign_imports(self) -> dict[str, str]:
        """Private names that are imported from elsewhere, and where."""
        return {
            alias.name: f"{path.relative_to(self._root)}:{node.lineno}"
            for path, tree in self._trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and not node.level
            for alias in node.names
            if is_private(alias.name)
        }


def _defined(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            yield node.attr
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.Assign):
        yield from (one.id for one in node.targets if isinstance(one, ast.Name))


def overridden(classes: Iterable[type]) -> dict[str, str]:
    """Private names that classes of this code define or set, and that are those of
    classes of other packages that they extend, and where.

    :param classes: classes with all of their bases, as they are at run time.
    """
    return _shared(classes, _defined)


def inherited(classes: Iterable[type]) -> dict[str, str]:
    """The same of names that they use on ``self``."""
    return _shared(classes, _of_self)


def _shared(classes, find) -> dict[str, str]:
    found = {}
    for cls in classes:
        own = [base for base in cls.__mro__ if _is_own(base)]
        if not own:
            continue
        theirs = {
            name
            for base in cls.__mro__
            if not _is_own(base) and base.__module__ not in sys.stdlib_module_names
            for name in _names_of_theirs(base)
        }
        for base in own:
            for name in _names(base, find) & theirs - DOCUMENTED:
                found[name] = f"{base.__module__}.{base.__qualname__}"
    return found


def _names_of_theirs(cls: type) -> set[str]:
    # Records keep nothing on themselves.
    is_model = issubclass(cls, models.BaseModel)
    return {*vars(cls)} if is_model else {*vars(cls), *_names(cls, _defined)}


def _is_own(cls: type) -> bool:
    return cls.__module__.startswith(f"{PACKAGE}.")


def _of_self(node: ast.AST) -> Iterator[str]:
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls")
    ):
        yield node.attr


@cache
def _names(cls: type, find) -> frozenset[str]:
    try:
        tree = ast.parse(dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # made at run time
        return frozenset()
    return frozenset(
        name for node in ast.walk(tree) for name in find(node) if is_private(name)
    )


def mentions(function, name: str) -> bool:
    """Whether the source of a function, property or class names an attribute."""
    if isinstance(function, property):
        function = function.fget
    elif isinstance(function, cached_property):
        function = function.func
    return bool(re.search(rf"\b{re.escape(name)}\b", inspect.getsource(function)))
