"""Extension of griffe, which reads docstrings for the site: this project's habits in the terms that griffe knows.

A section `Example:` becomes `Examples:`, which is shown as code. A line `a, b: text` that describes two arguments becomes two.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

SEVERAL = re.compile(r"^( +)(\w+(?:, \w+)+): (.*(?:\n\1 +.*)*)$", flags=re.M)


def rewritten(text: str) -> str:
    """Return a docstring in the terms that griffe knows.

    Example:
        >>> print(rewritten("Args:\\n    a, b: two numbers,\\n        above 0.\\n\\nExample:"))
        Args:
            a: two numbers,
                above 0.
            b: two numbers,
                above 0.
        <BLANKLINE>
        Examples:
    """
    text = re.sub(r"^(\s*)Example:$", r"\1Examples:", text, flags=re.M)
    return SEVERAL.sub(lambda found: "\n".join(f"{found[1]}{one}: {found[3]}" for one in found[2].split(", ")), text)


class Habits(griffe.Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)
