"""Hook of mkdocs: the site has the layout of the repository, so that a link works on the site as it does in a checkout.

Besides `docs/` the site shows the README and the other pages of the top folder, the zoo's page and the benchmarks' results.
"""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parent.parent
SHOWN = (
    "*.md",
    "LICENSE",
    "CITATION.cff",
    "docs/**/*.md",
    "docs/*.svg",
    "docs/*.css",
    "adapter_zoo/README.md",
    "benchmarks/results/**/*.json",
    "examples/*",
    "findings/*",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of `docs/` by those of the repository that the site shows; what the theme brings stays."""
    for file in list(files):
        # Not all files below the project: the theme may be there, too, in `.venv`.
        if file.abs_src_path and Path(file.abs_src_path).is_relative_to(config.docs_dir):
            files.remove(file)
    for path in sorted({path for pattern in SHOWN for path in PROJECT.glob(pattern) if path.is_file()}):
        files.append(File.generated(config, path.relative_to(PROJECT).as_posix(), abs_src_path=str(path)))
    return files
