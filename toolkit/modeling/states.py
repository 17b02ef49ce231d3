"""Hidden states of items: one vector for a whole text, or for one of its words, as a circuit computes them."""

from __future__ import annotations

import time

import numpy as np
import torch

from toolkit.features.collate import budget_batches, token_budget
from toolkit.features.item import WHOLE, ItemFeatures
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.memory import SMALLER_PASSES, within_memory
from toolkit.progress import Progress, Report, silent


def item_states(
    circuit: Circuit, items: ItemFeatures, *, batch_size: int = 64, what: str = "encode", report: Report = silent
) -> np.ndarray:
    """Return the last layer's state of each item: float32 [N, H], of their own length, not unit vectors.

    A whole text is the mean over its tokens, `<s>` and `</s>` included; a word is the state of its piece. Every sequence goes
    through the encoder once, however many items are read from it.

    Args:
        batch_size: a batch holds up to this many times 128 tokens, padding included; on a processor 2,048 at most.
    """
    features = items.features
    circuit.eval()
    device = circuit.backbone.device
    found = np.zeros((len(items.owners), circuit.backbone.hidden_size), np.float32)
    by_owner = np.argsort(items.owners, kind="stable")
    bounds = np.searchsorted(items.owners[by_owner], np.arange(len(features) + 1))
    order = np.argsort(-features.lengths, kind="stable")
    done, shown, began = 0, 0.0, time.perf_counter()
    with torch.inference_mode(), within_memory("a batch of texts", SMALLER_PASSES, device):
        for batch in budget_batches(features.lengths, features.widths, token_budget(batch_size, device.type), order):
            collated = features.collate(batch)
            mask = torch.from_numpy(collated["attention_mask"]).to(device)
            states = circuit.encode(torch.from_numpy(collated["input_ids"]).to(device), mask).float()  # [B, T, H]
            weights = mask[..., None].to(states.dtype)
            means = ((states * weights).sum(1) / weights.sum(1)).cpu().numpy()
            asked = [by_owner[bounds[owner] : bounds[owner + 1]] for owner in batch]
            mine = np.concatenate(asked)
            rows = np.repeat(np.arange(len(batch)), [len(each) for each in asked])
            is_whole = items.places[mine] == WHOLE
            found[mine[is_whole]] = means[rows[is_whole]]
            words = torch.from_numpy(np.stack([rows[~is_whole], items.places[mine[~is_whole]]])).to(device)
            found[mine[~is_whole]] = states[words[0], words[1]].cpu().numpy()
            done += len(batch)
            now = time.perf_counter()
            if now - shown > 0.5 or done == len(features):
                shown = now
                report(Progress(what, done, len(features), {"texts/s": done / max(now - began, 1e-9)}))
    return found
