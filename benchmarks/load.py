"""Benchmark of the start of a command on XLM-R Large: processor seconds from process start to the first forward pass.

    python benchmarks/load.py --quick --old ../older --json OUT      # 4 layers, 3 repetitions
    python benchmarks/load.py --old ../older --json OUT              # all 24 layers

The checkpoint has random weights in the published layout (the tokenizer is the embedded backbone's, whose pieces are those of
XLM-R), written to `--folder` once. Each repetition is a process of its own, which loads the backbone by its folder and encodes
one sentence, with `--precision`; the two trees take turns. Measured is the second time and later: what is kept between commands
is kept. `load` is the median over that of the tree which `--old` names (target: at most 0.6).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from measure import PROJECT, child, write

TARGET = 0.6
_START = """
import sys
from toolkit.modeling.backbone import load_backbone
import torch
backbone = load_backbone(sys.argv[1], precision=sys.argv[2])
found = backbone.tokenizer("This is the first sentence.", return_tensors="pt")
with torch.inference_mode(), backbone.autocast():
    backbone.model(input_ids=found["input_ids"], attention_mask=found["attention_mask"])
"""


def published(folder: Path, layers: int) -> Path:
    """Return a folder with a checkpoint of XLM-R Large's shape, made if it is not there; its weights are random."""
    if (folder / "config.json").is_file():
        return folder
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from toolkit.modeling.embedded import embedded_folder

    sizes = {"hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096, "layer_norm_eps": 1e-5}
    config = XLMRobertaConfig(
        vocab_size=250002, num_hidden_layers=layers, max_position_embeddings=514, type_vocab_size=1, **sizes
    )
    torch.manual_seed(0)
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    shutil.copyfile(embedded_folder() / "tokenizer.json", folder / "tokenizer.json")
    return folder


def seconds(tree: Path, folder: Path, precision: str, cache: Path) -> float:
    """Return the processor seconds of a process that loads and encodes with the toolkit of a tree."""
    return child(["-c", _START, str(folder), precision], cache, tree=tree, XSTILTS_CACHE=str(cache)).processor_s


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 layers, 3 repetitions")
    parser.add_argument("--old", type=Path, required=True, help="a tree of an older build")
    parser.add_argument("--folder", type=Path, help="where the checkpoint is kept; default: a temporary folder")
    parser.add_argument("--precision", nargs="*", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    layers, repetitions = (4, 3) if asked.quick else (24, asked.repetitions)
    trees = {"here": PROJECT, "old": asked.old.resolve()}
    ratios: dict[str, float] = {}
    details: dict[str, object] = {"layers": layers, "repetitions": repetitions}
    with tempfile.TemporaryDirectory() as root:
        folder = published(asked.folder or Path(root) / "large", layers)
        time.sleep(2.5)  # a file that is younger is read again
        caches = {name: Path(root) / name for name in trees}
        for cache in caches.values():
            cache.mkdir()
        for precision in asked.precision:
            found: dict[str, list[float]] = {name: [] for name in trees}
            for repetition in range(repetitions + 1):
                for name, tree in trees.items():
                    taken = seconds(tree, folder, precision, caches[name])
                    found[name] += [taken] * (repetition > 0)
            here, old = (statistics.median(found[name]) for name in trees)
            ratios["load" if precision == asked.precision[0] else f"load_{precision}"] = here / old
            details[precision] = {name: [round(each, 2) for each in each_time] for name, each_time in found.items()}
            print(f"{precision}: {here / old:.2f} (target {TARGET}): {here:.1f} and {old:.1f} processor seconds")
    print(json.dumps(details))
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
