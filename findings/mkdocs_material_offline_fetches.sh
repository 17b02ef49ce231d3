#!/usr/bin/env bash
# mkdocs-material 9.8.2: the `offline` plugin makes every page load a script from https://unpkg.com.
#
# The plugin is there so that a site works from the disk, without a network. A site that is built with it contains
#     <script src="https://unpkg.com/iframe-worker/shim"></script>
# in every page. Without the plugin there is no such address, and the search is hidden when a page is opened from the disk.
# The address stays unless the `privacy` plugin downloads it while building, which needs a network.
#
# Seen: "with offline: 1 page fetches from unpkg.com; without: 0"
# Exit code 1 if this has changed; then `mkdocs.yml` can use the plugin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mkdocs==1.6.1 mkdocs-material==9.8.2
mkdir "$folder/docs"
echo "# Page" > "$folder/docs/index.md"
build() {
    printf 'site_name: x\ntheme: {name: material, font: false}\nplugins: [%s]\n' "$1" > "$folder/mkdocs.yml"
    NO_MKDOCS_2_WARNING=1 "$folder/venv/bin/mkdocs" build --quiet --strict --clean --config-file "$folder/mkdocs.yml"
    grep -lr --include=index.html 'src="https://unpkg.com/' "$folder/site" | wc -l | tr -d ' '
}
with=$(build "search, offline" || true)
without=$(build "search" || true)
echo "with offline: $with page fetches from unpkg.com; without: $without"
[ "$with" = 1 ] && [ "$without" = 0 ]
