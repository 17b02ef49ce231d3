"""Whether a command that was given something damaged ended as it should: with one sentence and exit code 2, or 1 where the rest was done."""

from __future__ import annotations

import re

from tests.soak.world import Ended

LONGEST = 4200  # characters of a sentence
_HARM = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def fault_of(ended: Ended, *, may_pass: bool) -> str | None:
    """Return what is wrong about the end of a command, None where nothing is."""
    errors = [line for line in ended.error.splitlines() if line.startswith("Error: ")]
    if ended.code is None:
        return "hangs"
    if "Traceback" in ended.error or "Traceback" in ended.out:
        return "traceback"
    if found := _HARM.search(ended.error + ended.out):
        return f"prints {found[0]!r}"
    if ended.code == 0:
        return None if may_pass else "accepted"
    if ended.code == 1:
        return None if (ended.error + ended.out).strip() else "exit code 1 and not a word"
    if ended.code != 2:
        return f"exit code {ended.code}"
    if len(errors) != 1:
        return f"{len(errors)} sentences"
    if len(errors[0]) > LONGEST:
        return f"a sentence of {len(errors[0])} characters"
    return None
