"""Download of a published encoder: the few files that it needs, into the cache of the hub's library."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.errors import FULL, SourceError
from toolkit.hub import prepare_hub
from toolkit.hub_errors import endpoint
from toolkit.modeling.published.ask import moved, size_of
from toolkit.modeling.published.configuration import read_configuration
from toolkit.modeling.published.kept import TOKENIZERS, arrived, cache_folder, lacks_of, whole_snapshot
from toolkit.modeling.published.layout import WEIGHTS, shards_of
from toolkit.modeling.published.revision import Choice, Made, choose
from toolkit.progress import Say, say_nothing
from toolkit.space import Need, in_words, require_space

_TOO_LATE = ("ReadTimeout", "ConnectTimeout", "Timeout", "TimeoutException", "ReadTimeoutError")
_UNWRITABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE),
)
_CUT_OFF = ("ChunkedEncodingError", "IncompleteRead", "RemoteProtocolError", "ContentDecodingError")
_LOCAL = (
    "download it where there is a network (`hf download {repo}{revision} --local-dir DIR`) and pass `--backbone DIR`, or use "
    "`--backbone embedded`, which needs no hub"
)


def download_checkpoint(
    name: str, repo: str, revision: str | None, *, made: Iterable[Made] = (), say: Say = say_nothing
) -> Path:
    """Return the folder in which the hub's library keeps a checkpoint; what it lacks is downloaded.

    Configuration and tokenizer come first, so that a model of another family is refused before its weights are fetched.
    An interrupted download continues with the next call. What is here is used without asking the hub for its commit, and
    nothing is downloaded because the hub has moved.

    Args:
        name: of the backbone, for messages.
        repo: id on the hub.
        revision: branch, tag or commit; None: see `revision.choose`.
        made: of the entries that will be used.
        say: gets a sentence where weights are downloaded, and where the hub has others by now.

    Raises:
        SourceError: the hub cannot be reached and the cache lacks a file, or the hub has none of that name.
        ToolkitError: a model of another family, or a disk that is too small.
    """
    choice = choose(repo, revision, made)
    if choice.is_fixed and (folder := whole_snapshot(repo, choice.revision)) is not None:
        if choice.why == "here" and (newer := moved(repo, folder)):
            say(
                f"The hub has other weights of {repo} by now (commit {newer[:12]}); those that are here are used (commit "
                f"{folder.name[:12]}). `xstilts backbones pin {name}` keeps to them, `--set backbone.revision=main` downloads "
                "the others."
            )
        return folder
    prepare_hub()
    try:
        return _fetched(name, repo, choice, say)
    except _Absent as error:
        if choice.why != "shipped":
            raise SourceError(str(error)) from error
        say(f"{error} It is the one that this release is pinned to; the newest is used.")
    # Outside of the handler: what fails now would have that error as its context, and with it the answer of the hub.
    return _fetched(name, repo, Choice(None, "newest"), say)


class _Absent(SourceError):
    """The hub has the model, and not the revision."""


def _fetched(name: str, repo: str, choice: Choice, say: Say) -> Path:
    folder = _get(repo, "config.json", choice, name).parent
    read_configuration(folder)
    exact = replace(choice, revision=folder.name)  # all further files are of the same commit
    _first(repo, TOKENIZERS, exact, name)
    if lacks_of(folder) is not None:
        _announce(repo, exact, say)
    found = _first(repo, WEIGHTS, exact, name)
    if found.suffix == ".json":
        for shard in shards_of(found):
            _get(repo, shard, exact, name)
    return folder


def _announce(repo: str, choice: Choice, say: Say) -> None:
    """Say what will be downloaded, and raise where the disk is too small for it."""
    size = size_of(repo, str(choice.revision))
    if size is None:
        return
    left = max(0, size - arrived(repo))
    require_space([Need(f"the weights of {repo}", cache_folder(), left, instead="name another cache with HF_HOME")])
    say(f"Downloading {repo} at commit {str(choice.revision)[:12]}{choice.in_words}: {in_words(size)}.")


def _kept(repo: str, file: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, file, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _first(repo: str, files: Sequence[str], choice: Choice, name: str) -> Path:
    """Return the first of several files that the repository has."""
    for file in files:
        if (kept := _kept(repo, file, choice.revision)) is not None:
            return kept
    for file in files:
        if (found := _download(repo, file, choice, name, is_optional=True)) is not None:
            return found
    raise SourceError(
        f"The hub's model {repo} has none of {', '.join(files)}; expected a checkpoint of PyTorch with its tokenizer."
    )


def _get(repo: str, file: str, choice: Choice, name: str) -> Path:
    found = _download(repo, file, choice, name)
    assert found is not None
    return found


def _download(repo: str, file: str, choice: Choice, name: str, *, is_optional: bool = False) -> Path | None:
    """Return a file in the cache, downloaded if need be; None if it is optional and the repository lacks it."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RevisionNotFoundError

    try:
        return Path(hf_hub_download(repo, file, revision=choice.revision, endpoint=endpoint()))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ValueError) as error:
        if is_optional and _is_absent(error):
            return None
        kind = _Absent if isinstance(error, RevisionNotFoundError) else SourceError
        raise kind(_sentence(error, repo, file, choice, name)) from error


def _chain(error: BaseException) -> Iterable[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _status(error: BaseException) -> int | None:
    """Return the status of the hub's answer, if it gave one."""
    answers = (getattr(one, "response", None) for one in _chain(error))
    return next((int(answer.status_code) for answer in answers if answer is not None), None)


def _is_absent(error: BaseException) -> bool:
    """Return whether the repository, which answers, does not have the file."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return True
    return _status(error) == 404 and not isinstance(error, RepositoryNotFoundError)


def _sentence(error: BaseException, repo: str, file: str, choice: Choice, name: str) -> str:
    """Return the true cause of a failed download, how far it came, and what to do."""
    from huggingface_hub import errors, get_token
    from huggingface_hub.constants import HF_HUB_CACHE

    at = f" at revision {choice.revision}{choice.in_words}" if choice.revision else ""
    ways = _LOCAL.format(repo=repo, revision=f" --revision {choice.revision}" if choice.revision else "")
    status = _status(error)
    if isinstance(error, errors.GatedRepoError):
        return f"The hub's model {repo} is gated; accept its terms at its page, then `hf auth login`, or {ways}."
    if isinstance(error, errors.RevisionNotFoundError):
        return f"The hub's model {repo} has no revision '{choice.revision}'{choice.in_words}; expected a branch, tag or commit of it."
    if status in (401, 403) and get_token():
        return (
            f"The hub refuses the token for {repo} (it is wrong, has expired or lacks access); renew it with "
            "`hf auth login`, or remove it with `hf auth logout`."
        )
    if status in (401, 403) and not isinstance(error, errors.RepositoryNotFoundError):
        return f"The hub refuses access to {file} of {repo} (status {status}); log in with `hf auth login` or HF_TOKEN."
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return f"Backbone '{name}': the hub has no model {repo}, or it is private; expected an id such as FacebookAI/xlm-roberta-large."
    if isinstance(error, errors.EntryNotFoundError) and _is_absent(error):
        return f"The hub's model {repo}{at} has no {file}; expected a checkpoint of PyTorch with its configuration."
    if status == 429:
        return f"The hub limits the requests from here (status 429) and sends no {file} of {repo}; wait some minutes: the same command continues."
    part = arrived(repo)
    so_far = f" ({part / 2**20:,.0f} MiB of it arrived)" if part else ""
    disk = next((one for one in _chain(error) if isinstance(one, OSError) and one.errno in (*FULL, *_UNWRITABLE)), None)
    if disk is not None and disk.errno == errno.EFBIG:
        return f"Files of the hub's cache {HF_HUB_CACHE} may not be so large{so_far}; raise `ulimit -f`: the same command continues."
    if disk is not None and disk.errno in FULL:
        return f"The disk of the hub's cache {HF_HUB_CACHE} is full{so_far}; free space or set HF_HOME: the same command continues."
    if disk is not None:
        why = f" ({disk.strerror})" if disk.strerror else ""
        return f"The hub's cache {HF_HUB_CACHE} cannot be written{why}; expected HF_HOME to name a folder that can."
    if any(type(one).__name__ in _CUT_OFF or "Consistency check failed" in str(one) for one in _chain(error)):
        return f"The download of {file} of {repo}{at} was cut off{so_far}; the same command continues where it stopped."
    if any(type(one).__name__ in _TOO_LATE for one in _chain(error)):
        return f"The hub did not send {file} of {repo}{at} in time{so_far}; try later: the same command continues, or {ways}."
    if status is not None:
        return f"The hub answers with status {status} for {file} of {repo}{at}{so_far}; try later: the same command continues."
    if part or _kept(repo, "config.json", choice.revision):
        return (
            f"Only a part of backbone '{name}' was downloaded: {file} is missing{so_far}, and the hub cannot be reached; the same "
            f"command continues where there is a network, or {ways}."
        )
    return f"Backbone '{name}'{at} is neither a folder nor in the local cache, and the hub cannot be reached; {ways}."
