"""Declare a task over your own files in a few lines of YAML, look at its rows, train on it and score it.

    python examples/own_task.py

See docs/add_a_task.md for every field. The tiny backbone makes it take seconds; its scores mean nothing.
"""

from pathlib import Path

import toolkit

pairs = [("It rains.", "Rain falls.", "same"), ("He sleeps.", "He runs.", "different")]
lines = ["first,second,label", *(f"{first},{second},{label}" for first, second, label in pairs * 20)]
for split in ("train", "test"):
    Path(f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
Path("paraphrase.yaml").write_text(
    """\
name: paraphrase
kind: pair
labels: [different, same]
files: {train: train.csv, dev: test.csv, test: test.csv}
columns: {first: first, second: second, label: label}
""",
    encoding="utf-8",
)

task = toolkit.load_task("paraphrase.yaml")
rows = task.rows("train", "en")
print(len(rows), "rows:", rows[0].first, "|", rows[0].second, "|", task.labels[rows[0].label])

config = toolkit.configure("train.epochs=1", "tracking.enabled=no", backbone="tiny", task_files="paraphrase.yaml")
for card in toolkit.train("micro-nli/paraphrase", config):
    print("trained:", card.name)
score = toolkit.evaluate("micro-nli/paraphrase", config, task="paraphrase").scores[0]
print(score.name, "on", score.n, "rows")

# It prints:
"""
40 rows: It rains. | Rain falls. | same
trained: micro-nli
trained: micro-nli/paraphrase
paraphrase/accuracy/en on 40 rows
"""
