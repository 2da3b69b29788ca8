"""Docstrings as the house writes them, for Sphinx: equations are indented, and ``|x|`` is a modulus.

Read in a terminal they need no more than that. reStructuredText would run an equation's lines together, take ``|x|``
for a substitution, and ``coef_`` for a link.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LISTS = {"Parameters", "Attributes", "Returns", "Raises", "Warns", "Yields"}
"""Sections of names and their descriptions; text elsewhere begins at the margin."""
LITERAL = re.compile(r"(``.*?``|`[^`]+`)")


def escaped(line: str) -> str:
    """Escape moduli and trailing underscores, but not within backticks."""
    parts = LITERAL.split(line)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"(?<![\\])\|", r"\\|", parts[k])
        parts[k] = re.sub(r"(\w)_(?=[^\w`]|$)", r"\1\\_", parts[k])
    return "".join(parts)


def mended(lines: list[str]) -> list[str]:
    """Give a docstring's lines with equations as literal blocks, and the rest escaped."""
    found: list[str] = []
    section, block, example = "", False, False
    for k, line in enumerate(lines):
        after = lines[k + 1] if k + 1 < len(lines) else ""
        if line.strip() and re.fullmatch(r"-{3,}", after.strip()) and not line.startswith(" "):
            section = line.strip()
        indented, blank = line.startswith("    "), not line.strip()
        example = line.lstrip().startswith(">>>") or (example and not blank)
        if block and not blank and not indented:
            block = False
        if not block and indented and section not in LISTS and not example and (not found or not found[-1].strip()):
            previous = next((one for one in reversed(found) if one.strip()), "")
            if not previous.lstrip().startswith(("- ", "* ", "..")) and not previous.rstrip().endswith("::"):
                found += [".. code-block:: text", ""]
            block = True
        heading = section in LISTS and not line.startswith(" ")
        found.append(line if block or example or heading else escaped(line))
    return found


def _mend(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if (getattr(obj, "__module__", None) or name).startswith("synfer"):
        lines[:] = mended(lines)


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what is inherited from other packages: it is documented there."""
    module = getattr(obj, "__module__", None) or getattr(getattr(obj, "fget", None), "__module__", None) or "synfer"
    return None if module.startswith("synfer") else True


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _mend, priority=100)  # before numpydoc
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
