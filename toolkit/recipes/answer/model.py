"""Model: a trained composition, loaded once, that answers rows and encodes texts for as long as it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any, Self

import numpy as np
from torch import nn

from toolkit.composition import Fuse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.evaluation.answers import ANSWERERS
from toolkit.evaluation.attention import Mass, attention_mass
from toolkit.evaluation.outputs import Outputs, run_head
from toolkit.evaluation.scoring import Scoring
from toolkit.features.collate import Features
from toolkit.features.masks import with_names
from toolkit.features.parts import PART, sentences_in_parts, tokenised_in_parts
from toolkit.features.ragged import Ragged
from toolkit.languages import get_language
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed
from toolkit.progress import Say
from toolkit.recipes.answer.given import rows_of, texts_of
from toolkit.recipes.answer.spoken import each_language
from toolkit.recipes.score.encoding import Reading, readings
from toolkit.recipes.score.own_pooling import as_trained
from toolkit.recipes.session.backbones import give_back
from toolkit.recipes.session.features import tokenising
from toolkit.recipes.session.home import named
from toolkit.recipes.session.limits import tokens_read
from toolkit.recipes.session.session import Session
from toolkit.results.answers import Answer, Answers, TagsAnswer
from toolkit.tasks import Task
from toolkit.tasks.own.convert import Asked, Asker, Given
from toolkit.zoo import AdapterCard


@dataclass(frozen=True)
class Wired:
    """What a model is made of.

    Attributes:
        circuit: with its weights, on a backbone of its own.
        cards: of its entries, by name.
        task: whose rows it answers; None: it has no head, and encodes texts alone.
        head: the head that answers.
        no_head: why no row is answered, where there is no task.
    """

    circuit: Circuit
    cards: Mapping[str, AdapterCard]
    task: Task | None
    head: str = ""
    no_head: str = ""


class Model:
    """A trained composition that answers rows of one's own: a context manager, safe for use from several threads.

    Attributes:
        expression: canonical text of the composition.
        config: resolved configuration.
        cards: of the composition's entries in the zoo, by name.

    `toolkit.load` makes it:

        with toolkit.load("mnli", backbone="embedded") as model:
            model.predict([{"premise": "It rains.", "hypothesis": "It is dry."}])[0].prediction
    """

    def __init__(self, wired: Wired, session: Session) -> None:
        self.config: Config = session.config
        self.cards = dict(wired.cards)
        self.expression = str(wired.circuit.asked)
        self._wired, self._session = wired, session
        self._circuit: Circuit | None = wired.circuit
        # A tokenizer keeps the limit of its last call, and a circuit computes one pass at a time.
        self._lock = RLock()

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def task(self) -> Task:
        """The task whose rows are answered.

        Raises:
            ToolkitError: the composition has no head.
        """
        if self._wired.task is None:
            raise ToolkitError(self._wired.no_head)
        return self._wired.task

    @property
    def answers_rows(self) -> bool:
        """Whether rows are answered; else the composition gives vectors alone."""
        return self._wired.task is not None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels or tags, in the order of the logits; empty for a task of spans or choices."""
        return self.task.labels

    @property
    def circuit(self) -> Circuit:
        """What is wired: the module, with its backbone and heads."""
        return self._open()

    @property
    def say(self) -> Say:
        """Callback for sentences."""
        return self._session.say

    @property
    def module(self) -> nn.Module:
        """The torch module: `module(batch)` returns the head's logits of a collated batch."""
        return self._open()

    @property
    def tokenizer(self) -> Any:
        """The fast tokenizer of the backbone, as transformers has it."""
        return self._open().backbone.tokenizer

    @property
    def hidden_size(self) -> int:
        """Width H of the vectors."""
        return self._open().backbone.hidden_size

    # -- answers ----------------------------------------------------------------------------------------------------

    def predict(self, rows: Iterable[Given], *, language: str | None = None) -> Answers:
        """Return an answer for each row, in their order: the same that `evaluate` gives to the same rows.

        Args:
            rows: mappings by the columns that `xstilts tasks NAME` shows, gold labels not needed; or texts, where a text alone
                is a row of the task (tags: it is cut into words); or a pandas DataFrame.
            language: of the rows; None: the task's training language. It fills columns' names, and `text.*/mnli` follows it.

        Raises:
            DataError: a row lacks a column, or holds something else than the task needs.
        """
        asked = self.asker(language).ask_all(rows_of(rows))
        found = [self.answer(asked[at : at + PART]) for at in range(0, len(asked), PART)]
        answers = tuple(answer for each in found for answer in each.answers)
        return Answers(
            answers=answers,
            n_truncated=sum(each.n_truncated for each in found),
            n_windowed=sum(each.n_windowed for each in found),
            text=f"{len(answers)} row{'s' * (len(answers) != 1)} answered by {self.expression}.",
        )

    def logits(self, rows: Iterable[Given], *, language: str | None = None) -> np.ndarray | list[np.ndarray]:
        """Return the head's logits of each row, float32.

        Args:
            rows, language: as for `predict`.

        Returns:
            pair: [N, C]; choice: [N, C], the lowest number where a row has fewer than C choices; span: for each window of
            each row [T, 2], start and end logits of its tokens; tags: for each part of each sentence [T, C];
            text: for each part of each text [T, 1 + 2 K], of every mask a placeholder, the numbers of the best pieces and
            their log probabilities.
        """
        asked = self.asker(language).ask_all(rows_of(rows))
        with self._lock:
            _, out = self._run(asked, is_raw=True)
        return [out[item] for item in range(len(out))] if isinstance(out, Ragged) else out

    def asker(self, language: str | None = None) -> Asker:
        """Return what makes records into rows of the task in a language."""
        task = self.task
        return Asker(task, task.train_language if language is None else get_language(language).code)

    def answer(self, asked: Sequence[Asked]) -> Answers:
        """Return the answers to rows that are converted already, in one pass: a window of them."""
        if not asked:
            return Answers(answers=(), text="0 rows.")
        if len({each.language for each in asked}) > 1 and self._open().asked.follows_rows:
            return each_language(asked, self.answer)
        with self._lock:
            features, out = self._run(asked)
        task, rows = self.task, [each.row for each in asked]
        facts = Scoring(task.labels, task.metric, task.train_language, self.config.eval, task.may_be_unanswerable)
        answers = ANSWERERS[task.kind](rows, features, out, facts)
        return Answers(
            answers=tuple(map(_with_starts, answers, asked)),
            n_truncated=features.n_truncated,
            n_windowed=int((np.bincount(features.source_row) > 1).sum()),
            text=f"{len(rows)} rows.",
        )

    def attention(self, rows: Iterable[Given], *, language: str | None = None, are_texts: bool = False) -> list[Mass]:
        """Return what the fusions attend to on some rows: means by layer, member and class of token; none without a fusion.

        Args:
            rows, language: as for `predict`.
            are_texts: whether they are texts as for `embed`, and no rows of the task.
        """
        texts = texts_of(rows) if are_texts else []
        asked = [] if are_texts else self.asker(language).ask_all(rows_of(rows))
        with self._lock:
            circuit = self._open()
            if not (texts or asked) or not any(isinstance(unit, Fuse) for unit in circuit.composition.chain.units):
                return []
            code = language or ("" if are_texts else self.task.train_language)
            circuit.turn_to(code)
            was_folded = circuit.is_folded
            features = self._sentences(texts) if are_texts else self._features(asked)
            try:
                return attention_mass(circuit, features, language=code, batch_size=self.config.eval.batch_size)
            finally:
                if was_folded:  # the next answers are computed as those before
                    circuit.fold()

    def _features(self, asked: Sequence[Asked]) -> Features:
        backbone = self._open().backbone
        how = replace(tokenising(self.task, backbone, self.config.eval), is_filled=True)
        features = tokenised_in_parts([each.row for each in asked], self.task.kind, backbone.tokenizer, how)
        return with_names(features, backbone.tokenizer)

    def _run(self, asked: Sequence[Asked], *, is_raw: bool = False) -> tuple[Features, Outputs]:
        self._open().turn_to(asked[0].language if asked else self.task.train_language)
        features, size = self._features(asked), self.config.eval.batch_size
        return features, run_head(self._open(), features, batch_size=size, head=self._wired.head, is_raw=is_raw)

    # -- vectors ----------------------------------------------------------------------------------------------------

    def embed(self, texts: Iterable[str], *, language: str | None = None) -> np.ndarray:
        """Return a unit vector of each text, float32 [N, H]: the one that `retrieve` compares.

        The layer and the pooling are those of `config.retrieve`, or those that the composition was trained to retrieve with.

        Args:
            language: of the texts, which `text.*/mnli` has to know.

        Raises:
            DataError: one of them is not a text.
        """
        return self.encode(texts, language=language)[0]

    def encode(self, texts: Iterable[str], *, language: str | None = None) -> tuple[np.ndarray, int]:
        """Return the vectors of `embed`, and how many texts lost some of their end to the length limit."""
        found = texts_of(texts)
        with self._lock:
            circuit, reading = self._open(), self.reading
            if language is not None or circuit.asked.follows_rows:
                circuit.turn_to(named(circuit.asked, language))
            if not found:
                return np.zeros((0, circuit.backbone.hidden_size), np.float32), 0
            features, size = self._sentences(found), self.config.eval.batch_size
            vectors = embed(circuit, features, layer=reading.layer, pooling=reading.protocol.pooling, batch_size=size)
            return vectors, features.n_truncated

    def _sentences(self, texts: Sequence[str]) -> Features:
        backbone = self._open().backbone
        asked = self.config.retrieve.max_length
        length = tokens_read("retrieve.max_length", asked, own=asked, most=backbone.max_tokens, name=backbone.name)
        return sentences_in_parts(texts, backbone.tokenizer, max_length=length)

    @property
    def reading(self) -> Reading:
        """The layer and the pooling of `embed`."""
        backbone = self._open().backbone
        settings = as_trained(self.config.retrieve, self.cards, backbone.n_layers, self._session.tell.once)
        return readings(settings, backbone.n_layers, backbone.name)[0]

    # -- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take the composition out of the backbone and let go of both; a closed model answers no more."""
        with self._lock:
            circuit, self._circuit = self._circuit, None
            if circuit is not None:
                circuit.close()
                give_back(circuit.backbone, self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        task = self._wired.task
        return f"Model({self.expression!r}, task={task.name if task is not None else None!r})"

    def _open(self) -> Circuit:
        if self._circuit is None:
            raise ToolkitError(
                f"The model '{self.expression}' is closed; load it again, or use it inside its `with` block."
            )
        return self._circuit


def _with_starts(answer: Answer, asked: Asked) -> Answer:
    return replace(answer, starts=asked.starts) if isinstance(answer, TagsAnswer) else answer
