"""Find translations in two text files, one sentence per line, with the vectors of a composition.

    python examples/mine_two_files.py

The embedded backbone is a real encoder, so the pairs are meaningful; its first use takes about 15 seconds. The sentences
are generated ones, shuffled.
"""

import random
from pathlib import Path

import toolkit

rows = toolkit.get_task("micro-bitext").rows("score", "de", limit=60)
german = [row.source for row in rows]
english = [row.target for row in rows]
random.Random(0).shuffle(english)
Path("de.txt").write_text("\n".join(german) + "\n", encoding="utf-8")
Path("en.txt").write_text("\n".join(english) + "\n", encoding="utf-8")

config = toolkit.configure("tracking.enabled=no", "store.folder=null", backbone="embedded")
mined = toolkit.mine(Path("de.txt"), Path("en.txt"), config, out=Path("pairs.tsv"), expr="backbone")

translation = {row.source: row.target for row in rows}
pairs = mined.table()
right = sum(translation[row.source] == row.target for row in pairs.itertuples())
print("columns:", ", ".join(pairs.columns))
print("most pairs are translations:", right > 0.8 * len(pairs))
print("most sentences have a pair:", right > 0.8 * len(german))

# It prints:
"""
columns: score, source_line, target_line, source, target
most pairs are translations: True
most sentences have a pair: True
"""
