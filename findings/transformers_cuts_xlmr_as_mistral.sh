#!/usr/bin/env bash
# transformers 4.57.6: loading an XLM-R tokenizer from a folder advises `fix_mistral_regex=True`, and that cuts XLM-R's pieces wrongly.
#
# The sentence "... with an incorrect regex pattern ... You should set the `fix_mistral_regex=True` flag" comes for every folder
# whose `config.json` was written by transformers 4.57.3 to 4.57.6, or names no version, and whose vocabulary has more than
# 100,000 pieces, whatever its `model_type`. XLM-R's tokenizer is right as it is. Who follows the advice loses its first step,
# the split at blanks, to a pattern that splits off punctuation and single digits; the step behind it puts a blank before each
# of these. There is no error, and a model that was trained on the right pieces reads others.
#
# Seen, on a vocabulary of XLM-R's size and layout:
#   advised: True
#   as it is:         ['▁In', '▁2020', ',', '▁yes.']
#   as is advised:    ['▁In', '▁', '▁2', '▁0', '▁2', '▁0', '▁', ',', '▁yes', '▁', '.']
# Exit code 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==4.57.6 tokenizers==0.22.2
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - "$folder/model" 2> "$folder/said" <<'PYTHON' || { cat "$folder/said"; exit 1; }
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, XLMRobertaConfig

place = Path(sys.argv[1])
words = ["▁In", "▁2020", ",", "▁yes.", "▁", "▁2", "▁0", "▁yes", "."]
pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((word, -2.0) for word in words)]
pieces += [(f"x{number}x", -20.0) for number in range(250_001 - len(pieces))]
tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
# As transformers' own converter of XLM-R has it.
steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>").save_pretrained(place)
XLMRobertaConfig(vocab_size=250_002).save_pretrained(place)

text = "In 2020, yes."
as_it_is = AutoTokenizer.from_pretrained(place).tokenize(text)
said = Path(sys.argv[1]).with_name("said").read_text()
advised = AutoTokenizer.from_pretrained(place, fix_mistral_regex=True).tokenize(text)
seen = [f"advised: {'fix_mistral_regex=True' in said}", f"as it is:         {as_it_is}", f"as is advised:    {advised}"]
print("\n".join(seen))
expected = [
    "advised: True",
    "as it is:         ['▁In', '▁2020', ',', '▁yes.']",
    "as is advised:    ['▁In', '▁', '▁2', '▁0', '▁2', '▁0', '▁', ',', '▁yes', '▁', '.']",
]
raise SystemExit(seen != expected)
PYTHON
