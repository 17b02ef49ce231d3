#!/usr/bin/env bash
# torch 2.13.0: `torch.export.save` writes a program with a module whose name holds a comma; `torch.export.load` cannot
# read the file.
#
# A program keeps for each node the modules that it came from (`nn_module_stack`). They are written as one text, parted
# by commas, and cut at commas again when they are read; a comma within a name makes one part too many. Names with
# commas are ordinary where modules are called after lists (`ModuleDict({"mnli,squad": ...})`). The program itself runs.
# Without the metadata (`node.meta.pop("nn_module_stack")`) the file can be read.
#
# Seen:
#   name 'mnli-squad': saved, loaded
#   name 'mnli,squad': saved, load raises RuntimeError
#   name 'mnli,squad' without nn_module_stack: saved, loaded
# Exit code 1 if this has changed; then `toolkit/modeling/traced.py` need not forget the metadata for this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging

import torch

logging.disable(logging.ERROR)


class Heads(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name
        self.heads = torch.nn.ModuleDict({name: torch.nn.Linear(2, 2)})

    def forward(self, states):
        return self.heads[self.name](states)


def tried(name, forget=False):
    program = torch.export.export(Heads(name).eval(), (torch.ones(1, 2),))
    if forget:
        for node in program.graph.nodes:
            node.meta.pop("nn_module_stack", None)
    torch.export.save(program, "program.pt2")
    try:
        torch.export.load("program.pt2").module()(torch.ones(1, 2))
    except Exception as fault:
        return f"saved, load raises {type(fault).__name__}"
    return "saved, loaded"


seen = [
    f"name 'mnli-squad': {tried('mnli-squad')}",
    f"name 'mnli,squad': {tried('mnli,squad')}",
    f"name 'mnli,squad' without nn_module_stack: {tried('mnli,squad', forget=True)}",
]
print("\n".join(seen))
expected = [
    "name 'mnli-squad': saved, loaded",
    "name 'mnli,squad': saved, load raises RuntimeError",
    "name 'mnli,squad' without nn_module_stack: saved, loaded",
]
raise SystemExit(seen != expected)
PYTHON
