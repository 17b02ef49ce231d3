#!/usr/bin/env bash
# tokenizers 0.22.2 with transformers 4.57.6 and sentencepiece 0.2.2: a special piece that is typed in a text stays special in
# an XLM-R tokenizer, also with `split_special_tokens=True`.
#
# SentencePiece keeps <pad>, <s> and </s> apart as control symbols: text never yields their ids. The converted fast tokenizer
# holds them as ordinary pieces of its Unigram model with the score 0, the best of all, so that the model itself chooses the
# piece once the search for added tokens is switched off. The full-width form yields the same id, because the normaliser
# makes it half-width after that search.
#
# Seen:
#   sentencepiece: <pad> typed: control ids in the result: []
#   fast, split_special_tokens=True, typed <pad>: has the padding id: True
#   fast, split_special_tokens=False, typed in full-width letters: has the padding id: True
# Exit code 1 if this has changed; then `toolkit/modeling/special.py` can do with the switch alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    transformers==4.57.6 tokenizers==0.22.2 sentencepiece==0.2.2 protobuf==7.36.2 numpy==2.4.6
cd "$folder"
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error venv/bin/python - <<'PYTHON'
import random

import sentencepiece
from transformers import XLMRobertaTokenizerFast

draw = random.Random(0)
words = ["table", "tag", "pad", "river", "stone", "green", "seven", "house", "walk", "light", "<", ">"]
with open("text.txt", "w") as file:
    for _ in range(2000):
        file.write(" ".join(draw.choice(words) for _ in range(8)) + "\n")
sentencepiece.SentencePieceTrainer.train(
    input="text.txt", model_prefix="small", vocab_size=60, model_type="unigram", hard_vocab_limit=False, minloglevel=2
)
typed, wide = "the <pad> tag", "the \uff1cpad\uff1e tag"
pieces = sentencepiece.SentencePieceProcessor(model_file="small.model")
control = [each for each in pieces.encode(typed) if pieces.is_control(each)]
fast = XLMRobertaTokenizerFast(vocab_file="small.model")
split = fast.pad_token_id in fast(typed, add_special_tokens=False, split_special_tokens=True)["input_ids"]
full = fast.pad_token_id in fast(wide, add_special_tokens=False)["input_ids"]
print(f"sentencepiece: <pad> typed: control ids in the result: {control}")
print(f"fast, split_special_tokens=True, typed <pad>: has the padding id: {split}")
print(f"fast, split_special_tokens=False, typed in full-width letters: has the padding id: {full}")
raise SystemExit(not (control == [] and split and full))
PYTHON
