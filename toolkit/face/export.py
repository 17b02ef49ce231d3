"""Export of a composition as files that answer without this package: `export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from toolkit.face.shared import Telling, open_session

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.export.run import Exported


class Exporting(Telling, total=False):
    """What may be asked of `export`, and where it reports to.

    `int8`: hold weights in int8. `vectors`: vectors of texts instead of the head's answers. `language`: that
    `text.*/mnli` is exported for. `task` and `languages`: rows that
    the composition and the file both answer and that both are scored on. `lock`: a lock file.
    """

    int8: bool
    vectors: bool
    language: str | None
    task: str | None
    languages: str | Sequence[str]
    lock: Path | None


def export(
    expr: str, config: Config, *, out: Path, to: Literal["onnx", "torch"] = "onnx", **options: Unpack[Exporting]
) -> Exported:
    """Write a trained composition as one model with its tokenizer, and a program that answers rows with these alone.

    Args:
        expr: composition whose entries the zoo holds, or `backbone` for vectors.
        config: resolved configuration; `backbone.precision: bf16` holds the matrices in bf16.
        out: a new or empty folder.
        to: `onnx` (needs the extra `export`) or `torch`. `zoo_export` writes folders for the `adapters` library.
        options: `int8`, `vectors`, `language`, `task`, `languages`, `lock`; `report` and `say`.
    """
    from toolkit.recipes.export.run import Options
    from toolkit.recipes.export.run import export as run

    session = open_session(config, options)
    chosen = Options(
        form=to,
        int8=options.get("int8", False),
        vectors=options.get("vectors", False),
        language=options.get("language"),
        task=options.get("task"),
        languages=options.get("languages", "all"),
        lock=options.get("lock"),
    )
    return run(session.spelled(expr), session, Path(out), chosen)
