"""Maker of large zoos: thousands of entries of real cards and small weights, in seconds.

python -m tests.zoo.large FOLDER 10000              # entries that were trained on nothing
python -m tests.zoo.large FOLDER 712 --chain        # each on the one before
python -m tests.zoo.large FOLDER 712 --chain --all  # and its card names all before it, as training does
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from tests.zoo.cards import ADAPTER, TINY, card
from toolkit.zoo import AdapterCard, CardFile, CardScore, Head, Parent, Seen, digest_of
from toolkit.zoo.card import CARD_FILE

NAME, DIGEST, PARENTS = "aaname", "0" * 64, "parents: []"
RECIPE = {
    "adapter": {"kind": "seq_bn", "reduction_factor": 4, "non_linearity": "relu", "dropout": 0.0},
    "train": {"lr": 1e-4, "epochs": 3.0, "seed": 0, "batch_size": 16, "max_length": "auto", "limit": None},
    "precision": "fp32",
    "learn": [f"adapter {NAME}", f"head {NAME}"],
}


def weights() -> dict[str, bytes]:
    width, r = TINY.hidden_size, 2
    forms = {
        "adapter_down.0.weight": (r, width),
        "adapter_down.0.bias": (r,),
        "adapter_up.weight": (width, r),
        "adapter_up.bias": (width,),
    }
    head = {"dense.weight": (width, width), "dense.bias": (width,), "out.weight": (3, width), "out.bias": (3,)}
    layers = {f"layer.{n}.{name}": form for n in range(TINY.layers) for name, form in forms.items()}
    return {
        name: save({key: np.ones(form, np.float32) for key, form in held.items()})
        for name, held in ((ADAPTER, layers), (f"head.{NAME}.safetensors", head))
    }


def template(files: dict[str, bytes]) -> AdapterCard:
    return card(
        NAME,
        tasks=(NAME,),
        heads={NAME: Head("pair", ("entailment", "neutral", "contradiction"))},
        recipe=RECIPE,
        data_seen=(Seen(NAME, "train", "en", 8815, "bd9144f1ccce3773", "generated", is_generated=True),),
        scores=(CardScore(NAME, "en", "accuracy", 0.5, n=16, composition=NAME, split="dev", fingerprint="ab" * 8),),
        files={
            name: CardFile(hashlib.sha256(data).hexdigest(), len(data), 8 if name == ADAPTER else 4)
            for name, data in files.items()
        },
    )


def make(root: Path, number: int, *, is_chain: bool = False, names_all: bool = False) -> None:
    """Make a zoo of so many entries `task0`, `task1`, ...; the text of one card is the pattern of all."""
    files = weights()
    pattern = template(files)
    body = replace(pattern, digest=DIGEST).to_text().rpartition("\nseal: ")[0] + "\n"
    before: list[Parent] = []
    for n in range(number):
        name = f"task{n}"
        own = {file.replace(NAME, name): held for file, held in pattern.files.items()}
        digest = digest_of(replace(pattern, name=name, files=own))
        parents = (before if names_all else before[-1:]) if is_chain else []
        listed = "".join(f"\n- {{name: {parent.name}, digest: {parent.digest}}}" for parent in parents)
        text = body.replace(NAME, name).replace(DIGEST, digest)
        text = text.replace(PARENTS, f"parents:{listed}") if listed else text
        folder = root / "tiny" / name
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file.replace(NAME, name)).write_bytes(data)
        seal = hashlib.sha256(text.encode()).hexdigest()
        (folder / CARD_FILE).write_text(f"{text}seal: {seal}\n", encoding="utf-8")
        before.append(Parent(name, digest))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int)
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    make(asked.folder, asked.number, is_chain=asked.chain, names_all=asked.all)
