"""Make the files of this folder with release 0.1.0: `PYTHONPATH=TREE_OF_0.1.0 python tests/old/make.py NEW_FOLDER`.

The folder then holds a zoo, a lock file and a store of embeddings. Only these are kept; the backbone is made again by the
tests, and `scores.json` has what 0.1.0 scored with them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

ENTRIES = ("fuse[micro-nli,micro-qa]/micro-choice", "merge[micro-nli,micro-qa]", "micro-answers")
SETTINGS = (
    "train.limit=32",
    "train.epochs=1",
    "train.eval_limit=16",
    "train.batch_size=16",
    "train.pooling=cls",
    "eval.limit=16",
    "retrieve.limit=8",
    "tracking.enabled=no",
    "cache_gib=0",
    "backbone.precision=fp32",
    "store.folder=embeddings",
)


def main(folder: Path) -> None:
    import toolkit
    from toolkit.zoo import Zoo
    from toolkit.zoo.lock import make_lock, write_lock

    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location("old_backbone", here / "backbone.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    folder.mkdir(parents=True)
    os.chdir(folder)  # no path of this machine reaches a card or a key
    made.make_backbone(Path(made.NAME))
    config = toolkit.configure(*SETTINGS, backbone=made.NAME, zoo="zoo", run_dir="runs")
    for entry in ENTRIES:
        toolkit.train(entry, config)
    scored = toolkit.evaluate(ENTRIES[0], config, task="micro-choice", languages="en").scores
    toolkit.retrieve("micro-nli", config, task="micro-bitext", languages="de")
    write_lock(make_lock(Zoo("zoo"), ENTRIES[0], made.NAME), Path("zoo.lock"))
    rows = [{"metric": each.metric, "language": each.language, "n": each.n, "value": each.value} for each in scored]
    Path("scores.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for name in ("runs", made.NAME):
        shutil.rmtree(name)
    for lock in Path("zoo").rglob(".lock"):
        lock.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
