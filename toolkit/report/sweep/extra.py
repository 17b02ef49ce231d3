"""Further sections of a sweep's report, such as the comparison with a prediction."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.report.table import Table


@dataclass(frozen=True)
class Aside:
    """A further section.

    Attributes:
        heading: of the section.
        lines: sentences, the answer first.
        tables: below the sentences.
        picture: the text of an SVG file, or empty.
    """

    heading: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]
    picture: str = ""


def inline_svg(text: str) -> str:
    """Return an SVG file in a form for use inside a page: without prolog, metadata and outside references.

    Example:
        >>> inline_svg('<?xml version="1.0"?><!DOCTYPE svg><svg width="9pt"><metadata>x</metadata><g clip-path="url(#a)"/></svg>')
        '<svg role="img" width="9pt"><g/></svg>'
    """
    found = text[text.index("<svg") :]
    found = re.sub(r"<metadata>.*?</metadata>\s*", "", found, flags=re.DOTALL)
    found = re.sub(r"\s*clip-path=\"url\([^)]*\)\"", "", found)
    found = re.sub(r"\s*<style[^>]*>.*?</style>", "", found, flags=re.DOTALL)
    return found.replace("<svg", '<svg role="img"', 1).strip()
