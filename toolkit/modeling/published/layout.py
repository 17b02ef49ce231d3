"""Layout of a published encoder's weights: which files hold them, in one piece or in shards."""

from __future__ import annotations

import json
from pathlib import Path

from toolkit.errors import SourceError

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
# In the order in which they are looked for; an index names the files that the tensors are spread over.
WEIGHTS = (SAFE, f"{SAFE}.index.json", PICKLED, f"{PICKLED}.index.json")
_WEIGHTY = (".safetensors", ".bin", ".h5", ".msgpack", ".ckpt", ".pt", ".pth", ".ot", ".onnx", ".gguf")
_POINTER = b"version https://git-lfs.github.com/spec/"


def again(folder: Path) -> str:
    """Return what to do about a damaged checkpoint: in the hub's cache, what is there is not downloaded again by itself.

    Example:
        >>> again(Path("xlmr"))
        'download the checkpoint again'
    """
    if folder.parent.name != "snapshots":
        return "download the checkpoint again"
    return f"remove {folder.parent.parent}, and the same command downloads it again"


def find_weights(folder: Path) -> list[Path]:
    """Return the files that hold the weights of a checkpoint; several if they are spread over shards.

    Raises:
        SourceError: none is there, a shard is missing, or an index is damaged or names a file outside the folder.
    """
    first = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if first is None:
        raise SourceError(
            f"The weights of {folder} are missing ({SAFE} or {PICKLED}){_others(folder)}; {again(folder)}."
        )
    files = sharded(first) if first.suffix == ".json" else [first]
    for file in files:
        _require_content(file)
    return files


def _others(folder: Path) -> str:
    """Return which files of a folder could be weights under other names or of other libraries, to follow in a sentence."""
    try:
        names = sorted(each.name for each in folder.iterdir() if each.suffix in _WEIGHTY)
    except OSError:
        return ""
    found = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f", and {found} {'is' if len(names) == 1 else 'are'} not read" if names else ""


def _require_content(file: Path) -> None:
    """Raise where a file is what `git clone` leaves of a large one without Git LFS."""
    try:
        with file.open("rb") as stream:
            begin = stream.read(len(_POINTER))
    except OSError:
        return  # whoever reads it says why
    if begin == _POINTER:
        raise SourceError(
            f"{file} holds no weights but a pointer of Git LFS; run `git lfs pull` in its folder, or download the checkpoint with "
            "`hf download`."
        )


def shards_of(index: Path) -> tuple[str, ...]:
    """Return the names of the files that an index of weights names, in order.

    Raises:
        SourceError: the index is damaged, or names a file outside its folder.
    """
    try:
        told = json.loads(index.read_bytes())["weight_map"]
        names = sorted(set(told.values()))
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("weight_map names no files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = str(error).split("\n", 1)[0].rstrip(".")
        raise SourceError(f"{index} cannot be read ({said}); {again(index.parent)}.") from None
    for name in names:
        if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
            raise SourceError(
                f"{index} names the file '{name[:80]}', which is not in its folder; {again(index.parent)}."
            )
    return tuple(names)


def sharded(index: Path) -> list[Path]:
    """Return the files that an index of weights names; raise SourceError where one is missing."""
    files = [index.parent / name for name in shards_of(index)]
    if missing := [file.name for file in files if not file.is_file()]:
        raise SourceError(
            f"{index.parent} lacks {missing[0]}, one of the {len(files)} files that {index.name} names; {again(index.parent)}."
        )
    return files
