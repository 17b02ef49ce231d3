#!/usr/bin/env bash
# onnxruntime 1.32.0 (manylinux wheel): importing it begins reports to its maker, before a program can say that it does not want them.
#
# With nothing but `import onnxruntime`, the process creates `~/.cache/Microsoft/DeveloperTools/.onnxruntime/onnxruntime.db`
# and `.ses` in the temporary folder, and its threads look up mobile.events.data.microsoft.com (seen with strace, every few
# seconds). `disable_telemetry_events()` directly after the import changes nothing about these: they are made by the import.
# ORT_DISABLE_TELEMETRY=1 set before it prevents all of that, and so does CI=true: who looks for it in a CI finds nothing. The
# wheel's Privacy.md says that reports are on by default; releases before 1.29 had none on Linux.
#
# Seen:
#   import: .ses onnxruntime.db | import, then disabled: .ses onnxruntime.db | ORT_DISABLE_TELEMETRY=1: nothing | CI=true: nothing
# Exit code 1 if this has changed; then `toolkit/recipes/export` need not set the variable in programs that it writes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 numpy==2.4.6
left() {  # what a program leaves in an empty home, given variables
    local program=$1 home
    shift
    home=$(mktemp -d -p "$folder")
    env -i PATH="$PATH" HOME="$home" TMPDIR="$home" "$@" "$folder/venv/bin/python" -c "$program"
    local found
    found=$(find "$home" -type f \( -name .ses -o -name onnxruntime.db \) -printf '%f\n' | sort | paste -sd ' ')
    echo "${found:-nothing}"
}
plain="import onnxruntime"
off="import onnxruntime; onnxruntime.disable_telemetry_events()"
seen="import: $(left "$plain") | import, then disabled: $(left "$off")"
seen="$seen | ORT_DISABLE_TELEMETRY=1: $(left "$plain" ORT_DISABLE_TELEMETRY=1) | CI=true: $(left "$plain" CI=true)"
echo "$seen"
wanted="import: .ses onnxruntime.db | import, then disabled: .ses onnxruntime.db"
[ "$seen" = "$wanted | ORT_DISABLE_TELEMETRY=1: nothing | CI=true: nothing" ]
