"""Columns of a parquet file on the hub, read from its footer alone, and how they differ from what a task declares."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from toolkit.tasks.mirror.download import HubFile, Withheld, persisting, unreachable
from toolkit.tasks.road.listing import Listing

if TYPE_CHECKING:
    import pyarrow

_TAIL = 2**16  # bytes; a longer footer is read in a second request
_END = 8  # bytes: the footer's length and the mark `PAR1`


def read_footer(api: Any, listing: Listing, file: HubFile) -> pyarrow.Schema:
    """Return the schema of a parquet file on the hub, without its rows.

    Raises:
        Withheld: the file is not for this user, or is not parquet.
        SourceError: the hub cannot be reached.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        tail = persisting(lambda: _range(api, listing, file, _TAIL))
        length = int.from_bytes(tail[-_END:-4], "little") + _END
        if tail[-4:] == b"PAR1" and len(tail) < length <= file.size:
            tail = persisting(lambda: _range(api, listing, file, length))
    except Exception as error:
        raise unreachable(f"{listing.repo} ({file.path})", None, error) from error
    try:
        return pyarrow.parquet.read_schema(io.BytesIO(b"PAR1" + tail))
    except pyarrow.ArrowException as error:
        said = " ".join(str(error).split())[:160]
        raise Withheld(f"The hub's file {listing.repo}/{file.path} cannot be read as parquet ({said}).") from error


def _range(api: Any, listing: Listing, file: HubFile, length: int) -> bytes:
    from huggingface_hub import hf_hub_url, utils

    hub: Any = utils  # which does not declare what it exports
    url = hf_hub_url(listing.repo, file.path, repo_type="dataset", revision=listing.commit, endpoint=api.endpoint)
    begin = max(0, file.size - length)
    headers = {**hub.build_hf_headers(token=api.token), "Range": f"bytes={begin}-{file.size - 1}"}
    answer = hub.get_session().get(url, headers=headers, timeout=60)
    hub.hf_raise_for_status(answer)
    # A server that knows no ranges sends the whole file.
    return bytes(answer.content[-(file.size - begin) :])


# -- what a task declares -------------------------------------------------------------------------------------------


def type_at(schema: pyarrow.Schema, path: str) -> pyarrow.DataType | None:
    """Return the type of a column, or of a field inside it (`answers.text`, also of a list of structs); None: no such one."""
    import pyarrow

    root, *inner = path.split(".")
    if root not in schema.names:
        return None
    kind = schema.field(root).type
    for step in inner:
        is_list = pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)
        struct = kind.value_type if is_list else kind
        if not pyarrow.types.is_struct(struct) or struct.get_field_index(step) < 0:
            return None
        found = struct.field(step).type
        kind = pyarrow.list_(found) if is_list else found
    return kind


def expects(field: str, kind: pyarrow.DataType, *, is_list: bool) -> str:
    """Return what a field of a row expects of its column's type, or an empty text if the column has it.

    Args:
        field: one of `kinds.FIELDS`.
        kind: of the column.
        is_list: whether the column is one of several that make a list.
    """
    import pyarrow

    if field in ("id", "key") or pyarrow.types.is_null(kind):
        return ""
    named, item = _WANTED.get(field, ("text", _is_text))
    if field not in _LISTS or is_list:
        return "" if item(kind) else named
    if not (pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)):
        return f"a list of {named}"
    return "" if pyarrow.types.is_null(kind.value_type) or item(kind.value_type) else f"a list of {named}"


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


def _is_whole(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_integer(kind))


def _is_label(kind: pyarrow.DataType) -> bool:
    import pyarrow

    is_other = pyarrow.types.is_boolean(kind) or pyarrow.types.is_floating(kind)
    return _is_text(kind) or _is_whole(kind) or bool(is_other)


_LISTS = frozenset(("choices", "keys", "texts", "starts", "tokens", "tags"))
_WANTED: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "starts": ("whole numbers", _is_whole),
    "label": ("a label's name or number", _is_label),
    "tags": ("names or numbers of tags", _is_label),
    "choices": ("texts", _is_text),
    "keys": ("texts", _is_text),
    "texts": ("texts", _is_text),
    "tokens": ("texts", _is_text),
}
