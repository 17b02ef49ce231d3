"""Names of language adapters: AdapterHub's `sw`, `sw/wiki@ukp` or `xlm-roberta-base-sw-wiki_pfeiffer` is `text.sw` here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolkit.languages import get_language, is_language
from toolkit.zoo.adapterhub.masked import is_masked
from toolkit.zoo.adapterhub.read import Saved

_TASK = "text"  # of the catalogue
_MODEL = re.compile(r"(bert-base-multilingual-cased|xlm-roberta-(base|large))-")


def leaf_names(found: Sequence[Saved]) -> dict[str, str]:
    """Return by the library's name of each language adapter what it is called here, and so of what was exported as `text~sw`.

    A language adapter has an invertible layer, is marked as one (`text_lang`), or is saved with a masked language head.
    """
    masked = {saved.folder for saved in found if is_masked(saved)}
    names = {}
    for saved in found:
        task, _, language = saved.name.partition("~")
        if language and is_language(language):
            names[saved.name] = f"{task}.{language}"
        elif saved.kind == "adapter" and (saved.folder in masked or is_language_adapter(saved)):
            code = code_of(saved.name)
            if code:
                names[saved.name] = f"{_TASK}.{code}"
    return names


def is_language_adapter(saved: Saved) -> bool:
    """Return whether an adapter's own configuration says that it is one of a language."""
    config = saved.config if isinstance(saved.config, Mapping) else {}
    is_inverted = bool(config.get("inv_adapter") or config.get("invertible_adapter"))
    return saved.about.get("type") == "text_lang" or (is_inverted and saved.about.get("type") != "text_task")


def code_of(name: str) -> str | None:
    """Return the code of the language that a name of AdapterHub names, or None.

    Example:
        >>> code_of("sw"), code_of("sw/wiki@ukp"), code_of("xlm-roberta-base-qu-wiki_pfeiffer"), code_of("zh_wiki"), code_of("my_task")
        ('sw', 'sw', 'qu', 'zh', None)
    """
    first, *rest = re.split(r"[/@_\-]", _MODEL.sub("", name))
    if not re.fullmatch("[a-z]{2,3}", first) or not is_language(first) or (rest and "wiki" not in rest):
        return None
    return get_language(first).code
