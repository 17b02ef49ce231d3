"""Distillation: one circuit learns the hidden states and logits of another, on rows whose labels are not read.

Source: squared errors of logits as in Ba and Caruana 2014, *Do Deep Nets Really Need to be Deep?*; of hidden states as in Romero
et al. 2015, *FitNets*.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.features.collate import Batch, Features, sorted_batches, token_budget
from toolkit.features.ragged import Ragged
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.memory import SMALLER_PASSES, within_memory
from toolkit.modeling.wiring import module_name
from toolkit.progress import Progress, Report, silent


def without_labels(features: Features) -> Features:
    """Return the sequences of features, each an item of its own, and nothing else of them."""
    n = len(features.input_ids)
    return Features("bitext", features.input_ids, np.arange(n), n)


class Lessons:
    """A teacher's last hidden states, float16, for all sequences of features; two bytes a number.

    Args:
        circuit: the teacher, with its head.
        features: `without_labels`.
        batch_size: a batch holds up to this many times 128 tokens, padding included.
    """

    def __init__(
        self,
        circuit: Circuit,
        features: Features,
        *,
        batch_size: int = 64,
        what: str = "teach",
        report: Report = silent,
    ) -> None:
        circuit.eval()
        offsets = features.input_ids.offsets
        states = np.empty((int(offsets[-1]), circuit.backbone.hidden_size), np.float16)
        device, done = circuit.backbone.device, 0
        with torch.inference_mode(), within_memory("a batch of texts", SMALLER_PASSES, device):
            for items in sorted_batches(features, budget=token_budget(batch_size, device.type)):
                batch = {key: torch.from_numpy(value).to(device) for key, value in features.collate(items).items()}
                found = circuit.encode(batch["input_ids"], batch["attention_mask"]).half().cpu().numpy()
                for item, row in zip(items, found, strict=True):
                    states[offsets[item] : offsets[item + 1]] = row[: offsets[item + 1] - offsets[item]]
                done += len(items)
                report(Progress(what, done, len(features)))
        self.states = Ragged(states, offsets)

    def mean_loss(self, student: Circuit, features: Features, *, batch_size: int = 64) -> float:
        """Return `loss` as a mean over all sequences of the features that were taught, without gradients."""
        device, total = student.backbone.device, 0.0
        with torch.inference_mode(), within_memory("a batch of texts", SMALLER_PASSES, device):
            for items in sorted_batches(features, budget=token_budget(batch_size, device.type)):
                batch = {key: torch.from_numpy(value).to(device) for key, value in features.collate(items).items()}
                total += float(self.loss(student, batch)) * len(items)
        return total / len(features)

    def loss(self, student: Circuit, batch: dict[str, Tensor], whole: Batch | None = None) -> Tensor:
        """Return the mean squared error of the student's hidden states, plus that of the head's logits on them.

        Args:
            student: with the teacher's head.
            batch: collated, with the numbers of its `items`.
            whole: the batch of which `batch` is a share; its sequences and tokens are what the means are over.
        """
        mask = batch["attention_mask"].bool()  # [B, T]
        flat = np.concatenate([self.states[item] for item in batch["items"].tolist()])
        taught = torch.from_numpy(flat).to(mask.device).float()  # [visible tokens, H]
        states = student.encode(batch["input_ids"], batch["attention_mask"]).float()
        wanted = torch.zeros_like(states)
        wanted[mask] = taught
        error = (states[mask] - taught).pow(2).mean()
        head: nn.Module = student.heads[module_name(student.active_head or "")]
        ours, theirs = head(states), head(wanted)
        of_rows = of_tokens = 1.0
        if whole is not None:
            of_rows = len(mask) / len(whole["items"])
            of_tokens = len(flat) / int(whole["attention_mask"].sum())
        if ours.ndim == 3:  # a logit for every token: padding has none
            ours, theirs, of_rows = ours[mask], theirs[mask], of_tokens
        loss: Tensor = error * of_tokens + (ours - theirs).pow(2).mean() * of_rows
        return loss
