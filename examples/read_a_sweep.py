"""Run a small sweep, read its cells as values, and write its report.

    python examples/read_a_sweep.py

The tiny backbone and generated rows make it take seconds; its scores mean nothing. `xstilts sweep order-mini` runs a
ready-made sweep on the embedded backbone.
"""

from pathlib import Path

import toolkit
from toolkit.sweeps import load_results

Path("small.yaml").write_text(
    """\
title: One intermediate task
question: Does micro-nli help?
axes:
  intermediates: [micro-nli]
  targets: [micro-choice]
  seeds: [0, 1]
languages: {rest: [en, de]}
settings:
  backbone: {name: tiny}
  train: {epochs: 1, limit: 32, eval_limit: 16}
  eval: {limit: 30}
""",
    encoding="utf-8",
)

config = toolkit.configure("tracking.enabled=no")
state = toolkit.sweep("small.yaml", config)
print(state.table()["state"].value_counts().to_dict(), "in", state.folder)

results = load_results(state.folder)
for row in results.sweep.rows:
    for cell in results.at(row, "micro-choice"):
        baseline = results.baseline(cell.cell)
        compared = "the baseline" if baseline is cell else f"compared with {baseline.cell.composition}"
        print(cell.cell.composition, "seed", cell.cell.seed, "has", len(cell.scores), "scores,", compared)

report = toolkit.sweep_report(state.folder, resamples=200)
print(sorted(path.name for path in report.folder.iterdir() if path.is_file()))

# It prints:
"""
{'done': 10} in sweeps/small
micro-choice seed 0 has 2 scores, the baseline
micro-choice seed 1 has 2 scores, the baseline
micro-nli/micro-choice seed 0 has 2 scores, compared with micro-choice
micro-nli/micro-choice seed 1 has 2 scores, compared with micro-choice
['contrasts.csv', 'report.csv', 'report.html', 'report.md', 'report.png', 'report.svg', 'report.tex']
"""
