#!/usr/bin/env bash
# langcodes 3.5.1: a language code that was retired because it had named several languages becomes one of them, silently.
#
# ISO 639-3 retires a code either because the language has another code (one successor), or because it was split and data
# under the old code may be in any of several languages. `standardize_tag` replaces 47 of the 102 split codes by one of the
# languages, without a warning, and calls the old code valid: text labelled `leg` (Enlhet and Enxet) is Enlhet from then on.
# Where the standard does name the one successor, it replaces only 90 of 214. The table is SIL's, as python-iso639 ships it.
#
# Seen:
#   split into several: 102, replaced by one: 47, by a language that is not in the split: 0
#   leg -> enl, though: Split into Enlhet [enl] and Enxet [enx]
#   bjq -> bzc, though: Split into Southern Betsimisaraka [bzc] and Tesaka Malagasy [tkg]
#   one successor: 214, left as they are or given another: 124
# Exit code 1 if this has changed; then `toolkit/language_tags.py` can leave retired codes to the library.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langcodes==3.5.1 python-iso639==2026.7.23
"$folder/venv/bin/python" - <<'PYTHON'
import csv
import re
from importlib.resources import files

import langcodes

table = files("iso639") / "_data" / "iso-639-3_Retirements.tab"
rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
split = {row["Id"]: row["Ret_Remedy"] for row in rows if row["Ret_Reason"] == "S"}
renamed = {row["Id"]: row["Change_To"] for row in rows if row["Ret_Reason"] in ("C", "D", "M")}

given = {code: langcodes.standardize_tag(code) for code in split}
replaced = {code: heir for code, heir in given.items() if heir != code}
outside = [code for code, heir in replaced.items() if heir not in re.findall(r"\[(\w{3})\]", split[code])]
assert all(langcodes.tag_is_valid(code) for code in replaced)
lost = [code for code, heir in renamed.items() if langcodes.standardize_tag(code) != langcodes.standardize_tag(heir)]

seen = [
    f"split into several: {len(split)}, replaced by one: {len(replaced)}, by a language that is not in the split: {len(outside)}",
    *(f"{code} -> {given[code]}, though: {split[code].rstrip('.')}" for code in ("leg", "bjq")),
    f"one successor: {len(renamed)}, left as they are or given another: {len(lost)}",
]
print("\n".join(seen))
expected = [
    "split into several: 102, replaced by one: 47, by a language that is not in the split: 0",
    "leg -> enl, though: Split into Enlhet [enl] and Enxet [enx]",
    "bjq -> bzc, though: Split into Southern Betsimisaraka [bzc] and Tesaka Malagasy [tkg]",
    "one successor: 214, left as they are or given another: 124",
]
raise SystemExit(seen != expected)
PYTHON
