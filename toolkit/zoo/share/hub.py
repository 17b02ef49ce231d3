"""A model repository of the Hugging Face Hub as a place: read file by file, written in one commit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import ZooError
from toolkit.hub import is_hub_reachable
from toolkit.zoo.card import CARD_FILE, README_FILE
from toolkit.zoo.share.place import Parcel, Place, reaching

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_HF = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?/?")
# The first line of a page that this toolkit wrote; a page of somebody else's stays as it is.
OURS = "library_name: xstilts"


@dataclass(frozen=True)
class HubPlace(Place):
    """A repository and a revision. `HF_ENDPOINT` names another server, `HF_TOKEN` or `hf auth login` who writes."""

    repo: str = ""
    revision: str = "main"

    def _walk(self, faults: dict[str, ZooError]) -> Iterator[str]:
        from huggingface_hub import HfApi

        self.fs.invalidate_cache()
        yield from HfApi().list_repo_files(self.repo, revision=self.revision)

    def left(self, entries: Iterable[str] | None = None) -> list[str]:
        """Return nothing: a commit is whole or not there."""
        return []

    def publish(self, parcels: list[Parcel]) -> None:
        """Write all entries in one commit: the repository holds all of them, or is as it was."""
        from huggingface_hub import CommitOperationAdd, HfApi

        with reaching(self.url):
            HfApi().create_repo(self.repo, repo_type="model", exist_ok=True)
            head = self._head()
            operations: list[CommitOperationAdd] = []
            for parcel in parcels:
                # The hub keeps old commits, so the weights are stored directly next to their card.
                for file in sorted(parcel.card.files):
                    operations.append(CommitOperationAdd(f"{parcel.path}/{file}", str(parcel.folder / file)))
                operations.append(CommitOperationAdd(f"{parcel.path}/{CARD_FILE}", parcel.text.encode("utf-8")))
                operations += [CommitOperationAdd(path, text.encode("utf-8")) for path, text in parcel.pages]
            if parcels and parcels[-1].readme and self._may_write_front_page():
                operations.append(CommitOperationAdd(README_FILE, parcels[-1].readme.encode("utf-8")))
            self._commit(operations, f"Add {', '.join(parcel.card.name for parcel in parcels)}", head)

    def write_pages(self, pages: list[tuple[str, str]]) -> None:
        """Replace text files of entries that are there, in one commit."""
        from huggingface_hub import CommitOperationAdd

        with reaching(self.url):
            operations = [CommitOperationAdd(path, text.encode("utf-8")) for path, text in pages]
            self._commit(operations, "Add scores", self._head())

    def _head(self) -> str | None:
        from huggingface_hub import HfApi

        return HfApi().repo_info(self.repo, revision=self.revision).sha

    def _commit(self, operations: list[CommitOperationAdd], message: str, head: str | None) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            HfApi().create_commit(
                self.repo,
                operations,
                commit_message=message,
                revision=self.revision,
                parent_commit=head,  # another push that came between is refused by the hub, not overwritten
            )
        except HfHubHTTPError as error:
            if error.response is not None and error.response.status_code in (409, 412):
                raise ZooError(
                    f"{self.url} was written by somebody else meanwhile; nothing was pushed, run the same command again."
                ) from None
            raise
        self.fs.invalidate_cache()

    def _may_write_front_page(self) -> bool:
        if not self.exists(README_FILE):
            return True
        with self.open(README_FILE) as stream:
            return OURS in stream.read(4096).decode("utf-8", "replace")

    def exists(self, path: str) -> bool:
        """Return whether there is a file; a repository that does not exist holds none."""
        from huggingface_hub import HfApi

        with reaching(self.url):
            api = HfApi()
            return bool(api.repo_exists(self.repo)) and api.file_exists(self.repo, path, revision=self.revision)


def open_hub(url: str) -> HubPlace:
    """Return the place of `hf://org/repo` or `hf://org/repo@revision`."""
    found = _HF.fullmatch(url)
    if not found:
        raise ZooError(f"'{url}' is not a repository of the hub; expected `hf://org/repo` or `hf://org/repo@revision`.")
    if not is_hub_reachable.__wrapped__():  # asked anew: a network may be back
        raise ZooError(
            f"{url} cannot be reached: the hub does not answer from here; run the same command where it does, or name a folder."
        )
    revision = found["revision"] or "main"
    from huggingface_hub import HfFileSystem

    # With the revision in it: the library takes the first `@` of a path for its revision, and our names hold some.
    base = f"{found['repo']}@{revision.replace('/', '%2F')}"
    return HubPlace(url, HfFileSystem(), base, repo=found["repo"], revision=revision)
