"""Road: the first place of the hub that holds a task's rows: parquet on the main branch, the hub's own conversion, other ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from toolkit.errors import ToolkitError
from toolkit.hub_errors import OWN_FILES, Trouble, trouble_of
from toolkit.hub_errors import endpoint as usual_endpoint
from toolkit.registry import did_you_mean
from toolkit.tasks.mirror.download import Withheld, hub_api, persisting, unreachable
from toolkit.tasks.road.listing import CONVERTED, Listing, keep, kept, list_dataset


@dataclass(frozen=True)
class Place:
    """A dataset that may hold a task's rows.

    Attributes:
        path: hub id.
        revision: branch, tag or commit; None: the main branch, or the hub's conversion of it.
        configs: for each language the names that the config may have, the usual one first.
        splits: for each split that may be asked for, the dataset's own splits to try in order.
    """

    path: str
    revision: str | None
    configs: tuple[tuple[str, ...], ...]
    splits: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Road:
    """The place that answers for a task's rows.

    Attributes:
        listing: the files of the dataset that answers.
        number: which of the places it is of, counted from 0.
        passed: the datasets that come before it, and why they do not answer.
        is_parquet: False for rows in another format, which only the library `datasets` reads.
    """

    listing: Listing
    number: int
    passed: tuple[tuple[str, Trouble], ...] = ()
    is_parquet: bool = True

    @property
    def is_converted(self) -> bool:
        """Whether it is the branch that the hub made."""
        return self.listing.asked == CONVERTED

    @property
    def words(self) -> str:
        """What a reader calls it."""
        return f"{self.listing.at} ({CONVERTED})" if self.is_converted else self.listing.at


def find_road(places: Sequence[Place], *, endpoint: str | None = None, is_fresh: bool = False) -> Road:
    """Return the road to a task's rows: the first listing that has a config and a split that the task names.

    A dataset that holds no such rows leads to the next place. A hub that does not answer never does: a network that fails
    must not change which rows are read.

    Args:
        places: the dataset that the task names, then other ids that hold the same rows.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        is_fresh: take no listing that was kept for a machine without a network.

    Raises:
        Withheld: no place holds them, or they are not for this user.
        SourceError: the hub cannot be reached.
    """
    passed: list[tuple[str, Trouble]] = []
    for number, place in enumerate(places):
        other: Listing | None = None
        for listing in _listings(place, endpoint, is_fresh):
            if any(_holds(listing, config, place) for config in place.configs):
                return Road(listing, number, tuple(passed))
            other = listing if listing.has_other_rows and not listing.parquet else other
            passed.append((place.path, _why(listing, place)))
        if other is not None:
            return Road(other, number, tuple(passed), is_parquet=False)
    raise Withheld(_sentence(places, passed))


def _listings(place: Place, endpoint: str | None, is_fresh: bool) -> Iterator[Listing]:
    main = _listing(endpoint, place.path, place.revision, is_fresh)
    yield main
    if place.revision is None and (main.trouble is None or main.trouble.cause == "revision"):
        yield _listing(endpoint, place.path, CONVERTED, is_fresh)


def _listing(endpoint: str | None, repo: str, revision: str | None, is_fresh: bool) -> Listing:
    address = (endpoint or usual_endpoint()).rstrip("/")
    return _look_up(address, endpoint is None, repo, revision, is_fresh)


def forget() -> None:
    """Forget what this process knows of the hub, so that it is asked anew."""
    _look_up.cache_clear()


@lru_cache(maxsize=256)  # a process reads one commit of a dataset, and asks for it once
def _look_up(address: str, is_usual: bool, repo: str, revision: str | None, is_fresh: bool) -> Listing:
    known = kept(repo, revision, address)
    try:
        api = hub_api(None if is_usual else address)
        found = persisting(lambda: list_dataset(api, repo, revision, known))
    except ToolkitError:
        raise
    except Exception as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        if known is None or is_fresh or trouble.cause != "network":
            raise unreachable(repo, None if revision == CONVERTED else revision, error) from error
        return known
    if found is not known:
        keep(found, address)
    return found


def _holds(listing: Listing, config: Sequence[str], place: Place) -> bool:
    name = listing.config(config)
    return name is not None and any(listing.split_files(name, one) for split in place.splits for one in split)


# -- why not --------------------------------------------------------------------------------------------------------


def _why(listing: Listing, place: Place) -> Trouble:
    """Return why a listing does not answer."""
    is_converted = listing.asked == CONVERTED
    if listing.trouble is not None:
        return _UNCONVERTED if is_converted else listing.trouble
    if not listing.parquet:
        if listing.script is not None:
            return Trouble(
                "script", f"it holds only a loading script ({listing.script}), which is never run", OWN_FILES
            )
        said = "it holds no parquet files" if listing.files else "it is empty"
        return Trouble("file", said, OWN_FILES)
    where = f"its conversion {listing.at}" if is_converted else listing.at
    said = f"{where} {lacks(listing, place.configs[0], [one for split in place.splits for one in split])}"
    return Trouble("file", said, "correct `config` or `splits` of the task, or pin the commit that has them")


_UNCONVERTED = Trouble("revision", "the hub has no conversion of it to parquet", OWN_FILES)


def lacks(listing: Listing, config: Sequence[str], splits: Sequence[str]) -> str:
    """Return which config or split a dataset does not have, and which it has, as a clause."""
    name = listing.config(config)
    if name is None:
        hint = did_you_mean(config[0], list(listing.configs)).rstrip("?")
        some = ", ".join(list(listing.configs)[:5]) + (", ..." if len(listing.configs) > 5 else "")
        meant = f"; {hint[0].lower()}{hint[1:]}?" if hint else ""
        return f"has no config {_or(config)} (it has {some}{meant})"
    has = ", ".join(listing.held(name)) or "none"
    return f"has no split {_or(splits)} in config '{name}' (it has {has})"


def _or(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in dict.fromkeys(names))


def why_passed(passed: Sequence[tuple[str, Trouble]]) -> str:
    """Return why datasets do not answer, as one clause that begins with the first of them."""
    by_path: dict[str, list[str]] = {}
    for path, trouble in passed:
        by_path.setdefault(path, []).append(trouble.said)
    return "; ".join(f"{path}: {', and '.join(dict.fromkeys(all))}" for path, all in by_path.items())


def _sentence(places: Sequence[Place], passed: Sequence[tuple[str, Trouble]]) -> str:
    first = places[0]
    at = f" at revision {first.revision[:12]}" if first.revision else ""
    why = why_passed(passed).removeprefix(f"{first.path}: ")
    return f"The hub's dataset {first.path}{at} cannot be read: {why}; {passed[0][1].way_out}."
