"""Benchmark of a fusion of real adapters, trained by our path and by the `adapters` library's own from one seed: scores and time.

    python benchmarks/fusion_paths.py --zoo ZOO --data-root MIRROR --quick --json OUT   # 300 rows
    python benchmarks/fusion_paths.py --zoo ZOO --data-root MIRROR --json OUT           # all rows, 2 epochs

ZOO is a folder with the members for the embedded backbone; missing members are trained first, into a copy. Both paths run the same recipe
on the same frozen backbone; only `fusion=fast|reference` differs. The library's fusion runs with our backbone and our loop.

`score_difference`: largest difference between the two in any measure of any language, as a fraction (1 row of 1,000 is 0.001).
`train_seconds`: seconds of the stage, with tokenising and dev scores, ours / library. Ours runs second and finds the files cached.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from measure import write

import toolkit
from toolkit.zoo import Zoo


def main() -> None:
    """Train both, score both, write what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--zoo", type=Path, required=True, help="folder of trained adapters; it is copied, not changed")
    parser.add_argument("--data-root", type=Path, required=True, help="mirror of hub data sets")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--members", nargs="+", default=["mnli", "squad", "csqa"])
    parser.add_argument("--target", default="mnli", help="task that the fusion is trained for")
    parser.add_argument("--task", default="xnli", help="task that is scored")
    parser.add_argument("--languages", default="en,de,zh,sw")
    parser.add_argument("--rows", type=int, help="training rows; default: all")
    parser.add_argument("--eval-rows", type=int, help="rows per language; default: all")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="300 rows, one epoch, 200 rows a language")
    args = parser.parse_args()
    if args.quick:
        args.rows, args.eval_rows, args.epochs = args.rows or 300, args.eval_rows or 200, 1.0
    text = f"fuse[{','.join(args.members)}]@{args.target}"
    sets = [f"train.epochs={args.epochs}", "tracking.enabled=no", f"train.seed={args.seed}"]
    sets += [f"train.limit={args.rows}"] if args.rows else []
    sets += [f"eval.limit={args.eval_rows}"] if args.eval_rows else []
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "zoo"
        shutil.copytree(args.zoo, base)
        options = {"backbone": args.backbone, "data_root": args.data_root, "run_dir": Path(folder) / "runs"}
        plain = toolkit.configure(*sets, f"backbone.precision={args.precision}", zoo=base, **options)
        for member in args.members:
            toolkit.train(member, plain, say=print)
        for path in ("reference", "fast"):
            zoo = Path(folder) / path
            shutil.copytree(base, zoo)
            config = toolkit.configure(
                *sets, f"backbone.precision={args.precision}", f"fusion={path}", zoo=zoo, **options
            )
            (card,) = toolkit.train(text, config, say=print)
            result = toolkit.evaluate(text, config, task=args.task, languages=args.languages, say=print)
            seen = sum(int(one.rows or 0) for one in card.data_seen)
            found[path] = {
                "scores": {f"{one.metric}/{one.language}": one.value for one in result.scores},
                "n": {one.language: one.n for one in result.scores},
                "dev": {one.metric: one.value for one in card.scores},
                "seconds": card.seconds,
                "rows": seen,
                "steps": card.recipe["steps"],
                "path": card.recipe["fusion"],
                "members": {one.name: one.digest for one in Zoo(zoo).get(text, args.backbone).parents},
            }
    ours, theirs = found["fast"], found["reference"]
    ratios = {
        "score_difference": max(abs(value - theirs["scores"][name]) for name, value in ours["scores"].items()),
        "train_seconds": (ours["seconds"] / ours["rows"]) / (theirs["seconds"] / theirs["rows"]),
    }
    details = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    details.pop("zoo"), details.pop("data_root"), details.pop("json")
    write(args.json, ratios=ratios, details={"settings": details, **found})
    print(ratios)
    print({path: one["scores"] for path, one in found.items()})


if __name__ == "__main__":
    main()
