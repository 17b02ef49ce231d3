"""Rows that a stage learns from, of each of its tasks, and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.composition import Name
from toolkit.composition.stages import Stage
from toolkit.config import TrainConfig
from toolkit.errors import SourceError
from toolkit.features import Features
from toolkit.features.masks import Masks, Pieces
from toolkit.modeling.backbone import Backbone
from toolkit.recipes.session.features import features_for
from toolkit.recipes.session.noise import augmented
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.alongside import counts_of, of_size, refs_of, refuse_total
from toolkit.tasks import Task
from toolkit.tasks.kinds import MASKED
from toolkit.tasks.siblings import siblings
from toolkit.tasks.task import Rows
from toolkit.training import TaskData
from toolkit.training.mixture import Mixture
from toolkit.training.seeding import derived_seed


@dataclass(frozen=True)
class Source:
    """Rows of one task of a stage: those that train it, and the dev rows that choose the best weights.

    Attributes:
        ref: the name in the composition, with its language where it has one; of a text task without one in a mix that of the
            rows.
        task: whose rows these are (what `ref` trains on).
        rows: training rows.
        dev: rows of the dev split.
        member: the name in the composition itself.
        drawn_from: how many rows `rows` were drawn from (`train.total_examples`); None: they are all.
    """

    ref: Name
    task: Task
    rows: Rows
    dev: Rows
    member: Name
    drawn_from: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether pieces of the rows themselves are guessed."""
        return self.task.kind in MASKED


def sources_of(stage: Stage, session: Session) -> list[Source]:
    """Return the rows of a stage's tasks, in the order of their names: that of a mixture's members changes no weight.

    With `train.total_examples` they are so many in all, shared as the mixture has it.
    """
    settings = session.config.train
    sources = [_source(ref, member, session) for member, ref in refs_of(stage, session)]
    refuse_total(sources, settings)
    total = settings.total_examples
    if total is None:
        return sources
    sizes = [len(source.rows) for source in sources]
    shares = _mixture(settings).shares(sizes, total=total)
    each = list(zip(sources, shares, sizes, strict=True))
    told = ", ".join(f"{n:,} of {size:,} rows of {source.ref}" for source, n, size in each)
    session.say(f"{total:,} examples in all: {told}.")
    return [replace(source, rows=source.rows.draw(n, seed=settings.seed), drawn_from=size) for source, n, size in each]


def training_data(stage: Stage, sources: Sequence[Source], backbone: Backbone, session: Session) -> list[TaskData]:
    """Return the tokens of every source's training rows, with its rows per epoch where the mixture says how many."""
    settings = session.config.train
    data = [
        TaskData(
            head_of(stage, source),
            tokens(source, backbone, session, is_dev=False),
            name=str(source.ref),
            masks=_masks(source, backbone, settings),
            member=str(source.member),
        )
        for source in sources
    ]
    sizes = [len(one.features) for one in data]
    if len(sizes) == 1 or settings.total_examples is not None:
        return data  # the rows were drawn in the mixture's proportion already
    counts = counts_of(sources, sizes, settings, _by_mixture(sources, sizes, settings))
    return [replace(one, count=count) for one, count in zip(data, counts, strict=True)]


def _by_mixture(sources: Sequence[Source], sizes: Sequence[int], settings: TrainConfig) -> dict[Name, int | None]:
    """Return the rows of each member of a mix in an epoch; None: each once."""
    members = list(dict.fromkeys(source.member for source in sources))
    if settings.mixture == "proportional" and settings.mixture_cap is None:
        return dict.fromkeys(members)
    held = [sum(n for one, n in zip(sources, sizes, strict=True) if one.member == member) for member in members]
    # With a share of its own, text is not among what the mixture shares out.
    shared = [m for m in members if settings.text_share is None or not _is_text(m, sources)]
    some = [n for member, n in zip(members, held, strict=True) if member in shared]
    counts = dict(zip(shared, _mixture(settings).counts(some, total=sum(some)) if some else [], strict=True))
    return {member: counts.get(member) for member in members}


def _is_text(member: Name, sources: Sequence[Source]) -> bool:
    return any(source.is_text for source in sources if source.member == member)


def tokens(source: Source, backbone: Backbone, session: Session, *, is_dev: bool) -> Features:
    """Return the tokens of a source's training or dev rows."""
    what = f"tokenise {source.ref}" + (" dev" if is_dev else "")
    rows = source.dev if is_dev else source.rows
    return features_for(rows, source.task.kind, backbone, session.config.train, session, what=what)


def head_of(stage: Stage, source: Source) -> str:
    """Return the head of the stage that a source's rows train."""
    heads = [part.name for part in stage.learn if part.kind == "head"]
    return source.ref.name if source.ref.name in heads else heads[-1]


def _source(ref: Name, member: Name, session: Session) -> Source:
    config, catalogue = session.config, session.catalogue
    task = catalogue.source_task(catalogue.get(ref.name))
    language = task.resolve_language(ref.language)
    settings, root = config.train, config.data_root
    try:
        rows = task.rows("train", language, data_root=root, limit=settings.limit, seed=settings.seed)
    except SourceError as error:
        raise _elsewhere(error, task, session) from error
    found = len(rows)
    if task.kind in MASKED and settings.text_bytes is not None:
        rows = of_size(rows, settings.text_bytes, settings.seed, str(ref))
        session.say(f"{ref}: {len(rows):,} of {found:,} rows, {settings.text_bytes:,} bytes of text.")
    # Early stopping looks at English where there is a choice: other languages stay unseen (Phang et al. 2020).
    # Of plain text the language is what is learnt.
    is_english = task.train_language in task.languages and task.kind not in MASKED
    dev_language = task.train_language if is_english else language
    dev = task.rows("dev", dev_language, data_root=root)
    if settings.eval_limit is not None and settings.eval_limit < len(dev):  # else there is no limit to speak of
        dev = dev.limited(settings.eval_limit, seed=config.eval.seed)
    return Source(ref, task, augmented(rows, session), dev, member, found if len(rows) < found else None)


def _elsewhere(error: SourceError, task: Task, session: Session) -> SourceError:
    """Return an error of training rows with the task that has the same rows to score and trains on another's, if any."""
    others = [each for each in siblings(task, session.catalogue) if each.trains_on not in (None, task.name)]
    if session.config.data_root is None or not others:
        return error
    other = others[0]
    return type(error)(
        f"{str(error).rstrip('.')}; or take '{other.name}', which has the same rows and trains on {other.trains_on}."
    )


def _masks(source: Source, backbone: Backbone, settings: TrainConfig) -> Masks | None:
    """Return what is guessed of a source's rows in each step; None where they come with answers."""
    if source.task.kind not in MASKED:
        return None
    pieces = Pieces.of(backbone.tokenizer)
    return Masks(pieces, settings.mask_rate, settings.whole_word, derived_seed(settings.seed, f"masks {source.ref}"))


def _mixture(settings: TrainConfig) -> Mixture:
    return Mixture(settings.mixture, cap=settings.mixture_cap, temperature=settings.mixture_temperature)
