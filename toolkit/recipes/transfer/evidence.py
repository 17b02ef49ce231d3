"""Evidence that predictors read of tasks and circuits, extracted once and kept in the embedding store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.config.command import command
from toolkit.embeddings import Vectors
from toolkit.errors import ToolkitError
from toolkit.features.item import Item, item_features
from toolkit.modeling.backbone import Backbone
from toolkit.recipes.session.session import Session
from toolkit.recipes.transfer.fisher import task_fisher
from toolkit.recipes.transfer.probe import Probe, every_item, probe_items, probe_rows, task_name
from toolkit.recipes.transfer.reader import BARE, Reader
from toolkit.tasks import BitextRow, Task
from toolkit.tasks.task import Rows


class Absent(ToolkitError):
    """Reason why a predictor has no number for a source and a target, in one sentence."""


class Context:
    """Evidence of tasks and of the circuits that were trained on them.

    Everything is extracted once: items, labels and token counts once per task, the vectors of a circuit once for each text, a
    Fisher once per adapter. Vectors and Fishers are kept in the embedding store, so the next run does not extract them again.
    One circuit at a time is wired; use it as a context manager.

    Args:
        session: of the configuration, whose backbone, zoo, store and `similarity` settings are used.
        zoos: entry -> the zoo that holds it, for entries that are not in the session's zoo.
        gains: by target and source, the gain that was observed; None: there is no sweep.

    Attributes:
        n_examples: rows that a Fisher was computed from so far; those of stored ones were not.
    """

    def __init__(
        self,
        session: Session,
        *,
        zoos: Mapping[str, Path] | None = None,
        gains: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        self.session, self.config = session, session.config
        self.zoos = dict(zoos or {})
        self.gains = gains
        self.n_examples = 0
        self._reader = Reader(session, self.zoos)
        self._probes: dict[str, Probe] = {}
        self._vectors: dict[tuple[str, str], Vectors] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._fishers: dict[str, dict[str, np.ndarray]] = {}

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the wired circuit out of the backbone."""
        self._reader.close()

    @property
    def n_encoded(self) -> int:
        """Sequences that went through an encoder so far; those of stored vectors did not."""
        return self._reader.n_encoded

    @property
    def backbone(self) -> Backbone:
        """The encoder."""
        return self._reader.backbone

    # -- of a task ------------------------------------------------------------------------------------------------

    def task(self, task: str) -> Task:
        """Return the task that a name with or without a language means."""
        catalogue = self.session.catalogue
        return catalogue.get(task_name(task, catalogue).name)

    def has_train(self, task: str) -> bool:
        """Return whether a task has training rows, its own or lent."""
        return self.session.catalogue.training_task(self.task(task)).has_train

    def rows(self, task: str) -> Rows:
        """Return the rows that describe a task; see `probe_rows`."""
        return probe_rows(task, self.config.data_root, self.session.catalogue)

    def n_learnt(self, task: str) -> int:
        """Return how many rows a task's adapter learnt from (`train.limit` may cut them); without an adapter, how many there are."""
        try:
            entry = self.entry_of(task)
        except Absent:
            return len(self.rows(task))
        seen = [each.rows for each in self._reader.zoo(entry).get(entry, self.session.shelf).data_seen]
        # The card of an adapter that came from elsewhere has no number of rows.
        known = [rows for rows in seen if isinstance(rows, int)]
        return sum(known) if known and len(known) == len(seen) else len(self.rows(task))

    def languages(self, task: str) -> tuple[str, ...]:
        """Return the languages that a task is scored in: those whose rows can be read."""
        return self.task(task).reachable("score", data_root=self.config.data_root)

    def probe(self, task: str) -> Probe:
        """Return a task's items and labels; see `probe_items`."""
        if task not in self._probes:
            settings = self.config.similarity
            self._probes[task] = probe_items(
                task, self.session.catalogue, limit=settings.limit, seed=settings.seed, data_root=self.config.data_root
            )
        return self._probes[task]

    def labels(self, task: str) -> np.ndarray:
        """Return the labels of a task's items: int64 [N].

        Raises:
            Absent: the task has none.
        """
        found = self.probe(task).labels
        if found is None:
            raise Absent(
                f"'{task}' is scored without labels of its own, so a predictor that needs labels cannot judge it."
            )
        return found

    def text_vector(self, task: str) -> np.ndarray:
        """Return the mean last-layer vector of a task's texts on the bare backbone: float32 [H]."""
        vector: np.ndarray = self._of(BARE, task, self.probe(task).texts).mean(0)
        return vector

    def token_counts(self, task: str) -> dict[int, int]:
        """Return how often each token occurs in a task's texts, without special tokens."""
        if task not in self._counts:
            tokenizer = self.backbone.tokenizer
            found = item_features(self.probe(task).texts, tokenizer, max_length=self._reader.max_length)
            ids, counts = np.unique(found.features.input_ids.values, return_counts=True)
            special = set(tokenizer.all_special_ids)
            self._counts[task] = {int(i): int(n) for i, n in zip(ids, counts, strict=True) if int(i) not in special}
        return self._counts[task]

    # -- of a circuit ---------------------------------------------------------------------------------------------

    def entry_of(self, task: str) -> str:
        """Return the entry whose adapter represents a task: its own, or that of the task whose rows train it.

        Raises:
            Absent: the zoo holds neither, with the command that trains one.
        """
        own, lent = str(task_name(task, self.session.catalogue)), self.lender(task)
        for entry in dict.fromkeys((own, lent)):
            if self._reader.zoo(entry).holds(entry, self.session.shelf):
                return entry
        raise Absent(self._why_missing(lent))

    def lender(self, task: str) -> str:
        """Return the entry that training on a task's rows makes: `mnli` for `xnli`, which trains on it."""
        ref = task_name(task, self.session.catalogue)
        return str(replace(ref, name=self.session.catalogue.training_task(self.task(task)).name))

    def features(self, source: str, target: str) -> np.ndarray:
        """Return the target's items as the source's circuit sees them: float32 [N, H], in the order of its labels.

        Raises:
            Absent: the zoo lacks the source's adapter.
        """
        return self._of(self.entry_of(source), target, self.probe(target).items)

    def shared(self, task: str) -> np.ndarray:
        """Return the shared text as a task's circuit sees it: float32 [N, H].

        Which text it is does not depend on the tasks that are compared (`similarity.shared_text`).

        Raises:
            Absent: the zoo lacks the task's adapter.
        """
        entry = self.entry_of(task)
        named = self.config.similarity.shared_text
        if named is not None:
            return self._of(entry, named, self.probe(named).texts)
        return self._reader.vectors(entry, self._shared_items(), "shared text")[:]

    def _shared_items(self) -> Sequence[Item]:
        if (named := self.config.similarity.shared_text) is not None:
            return every_item(self.probe(named))
        bitext = self.session.catalogue.get("micro-bitext")
        pairs = (row for split in ("score", "dev") for row in bitext.rows(split, "de"))
        return list(dict.fromkeys(Item(row.target) for row in pairs if isinstance(row, BitextRow)))

    def fisher(self, task: str) -> dict[str, np.ndarray]:
        """Return the diagonal Fisher of a task's adapter on the task's own rows, by linear layer.

        Raises:
            Absent: the zoo lacks the task's adapter, or the task has no labels.
        """
        if task not in self._fishers:
            entry = self.entry_of(task)
            self.labels(task)
            if self.config.adapter.kind == "full":
                raise Absent(
                    f"'{entry}' is a whole encoder, and the Fisher information here is an adapter's; compare seq_bn."
                )
            if not self._reader.zoo(entry).get(entry, self.session.shelf).heads:
                raise Absent(f"'{entry}' was imported without a head, so it has no gold label to take a gradient of.")
            rows = self.rows(task)
            settings = self.config.similarity
            drawn = rows.draw(min(settings.examples, len(rows)), seed=settings.seed)
            self.close()  # one circuit at a time
            found, n = task_fisher(entry, drawn, self._reader.session_of(entry), self._reader.store)
            self._fishers[task] = found
            self.n_examples += n
        return self._fishers[task]

    # -- extraction -----------------------------------------------------------------------------------------------

    def _of(self, entry: str, task: str, items: Sequence[Item]) -> np.ndarray:
        # Always the same request for a task: the name of a store's shard depends on all of its texts.
        every = every_item(self.probe(task))
        if (entry, task) not in self._vectors:
            self._vectors[entry, task] = self._reader.vectors(entry, every, task)
        place = {item: at for at, item in enumerate(every)}
        return self._vectors[entry, task][[place[item] for item in items]]

    def ahead(self, task: str, targets: Sequence[str], *, with_shared: bool) -> None:
        """Let the staff of the session encode what `features` and `shared` will ask a task's circuit for, all of it at once.

        Raises:
            Absent: the zoo lacks the task's adapter.
        """
        if self.session.staff is not None:
            asked = [every_item(self.probe(target)) for target in targets]
            self._reader.ahead(self.entry_of(task), [*asked, *([self._shared_items()] if with_shared else [])])

    def _why_missing(self, entry: str) -> str:
        """Return where an entry is missing, whether another backbone has it, and the command that makes it."""
        if not self.has_train(entry):
            return f"'{entry}' has no training rows, so no adapter represents it."
        zoo, shelf = self._reader.zoo(entry), self.session.shelf
        others = sorted({card.backbone.name for card in zoo.list(damaged=[]) if card.name == entry})
        elsewhere = f" (it is there for {', '.join(others)}, whose adapters do not fit)" if others else ""
        return (
            f"'{entry}' is not in the zoo {zoo.root} for {shelf.asked}{elsewhere}; "
            f"`{command('train', entry, config=replace(self.config, zoo=zoo.root))}` makes it."
        )
