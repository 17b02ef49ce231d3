"""Train two intermediate adapters, fuse them below a target task, and score the fusion zero-shot in three languages.

    python examples/train_and_fuse.py

The tiny backbone has random weights and the rows are generated, so this takes seconds and the scores mean nothing. For
real scores: `backbone="embedded"`, tasks such as `fuse[mnli,squad]/udpos`, and no limits.
"""

import toolkit

EXPR = "fuse[micro-nli,micro-qa]/micro-choice"

config = toolkit.configure("train.limit=64", "train.epochs=1", "eval.limit=50", "tracking.enabled=no", backbone="tiny")

print(toolkit.plan(EXPR, config).table()[["entry", "tasks"]].to_string(index=False))
for card in toolkit.train(EXPR, config):
    print("trained:", card.name, "on", ", ".join(parent.name for parent in card.parents) or "the backbone")

scores = toolkit.evaluate(EXPR, config, task="micro-choice", languages="en,de,sw")
table = scores.table()  # a pandas DataFrame; scores.text is the same for people
print(table[["language", "metric", "n"]].to_string(index=False))
print("saved:", ", ".join(sorted(path.name for path in scores.save("results").iterdir())))

# It prints:
"""
                                entry        tasks
                            micro-nli    micro-nli
                             micro-qa     micro-qa
fuse[micro-nli,micro-qa]/micro-choice micro-choice
trained: micro-nli on the backbone
trained: micro-qa on the backbone
trained: fuse[micro-nli,micro-qa]/micro-choice on micro-nli, micro-qa
language   metric  n
      en accuracy 50
      de accuracy 50
      sw accuracy 50
saved: heat_map.png, predictions, scores.csv, scores.json
"""
