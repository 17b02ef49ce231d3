#!/usr/bin/env bash
# lang2vec 1.1.2: installs a script `lang2vec.py` next to the programs of an environment, and they import it in the package's place.
#
# The wheel lists `lang2vec.py` among its scripts, so pip puts it into `bin/`. A console program has its own folder first on
# its path. There `import lang2vec` is the script, a module without submodules and without the data, while `python -c` in the
# same environment finds the package. So what is tested by `python -m pytest` works, and the same code behind a program says
# that the data of URIEL are not installed.
#
# Seen:
#   python:  lang2vec/__init__.py, a package: True
#   program: bin/lang2vec.py, a package: False
# Exit code 1 if this has changed; then `toolkit/similarity/languages.py` may look for the package by its name again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lang2vec==1.1.2
cat > "$folder/looks.py" <<'PYTHON'
from importlib.util import find_spec
from pathlib import Path

found = find_spec("lang2vec")
print("/".join(Path(found.origin).parts[-2:]) + f", a package: {found.submodule_search_locations is not None}")
PYTHON
# As pip writes the program of an entry point: the interpreter of the environment, then the code.
{ echo "#!$folder/venv/bin/python3"; cat "$folder/looks.py"; } > "$folder/venv/bin/looks"
chmod +x "$folder/venv/bin/looks"
cd "$folder/venv"
seen="python:  $(./bin/python3 -c "$(cat ../looks.py)")
program: $(./bin/looks)"
echo "$seen"
[ "$seen" = "python:  lang2vec/__init__.py, a package: True
program: bin/lang2vec.py, a package: False" ]
