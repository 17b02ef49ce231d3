"""Languages of a task: which it has, which it is trained in, and how a code names one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import ConfigError
from toolkit.languages import filed_under, get_language
from toolkit.registry import each_once


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A name with languages.

    Attributes:
        name: the name in compositions and on the command line.
        languages: codes of all languages that the published dataset has (`toolkit.languages`).
        train_language: the language it is trained in unless a composition says otherwise.
        crosses_languages: whether the question may be in another language than the context. Such a pair is named
            `context.question`, for example `de.en`; `de` alone has both in German.
    """

    name: str
    languages: tuple[str, ...]
    train_language: str = "en"
    crosses_languages: bool = False

    @property
    def pairs(self) -> tuple[str, ...]:
        """Every context/question pair of a task that crosses languages, else its languages.

        Example:
            >>> from toolkit.tasks import get_task
            >>> len(get_task("mlqa").pairs), get_task("mlqa").pairs[:3]
            (49, ('en', 'en.de', 'en.es'))
        """
        if not self.crosses_languages:
            return self.languages
        return tuple(a if a == b else f"{a}.{b}" for a in self.languages for b in self.languages)

    def resolve_language(self, language: str | None) -> str:
        """Return the code of a language for any spelling of it; None stands for the training language.

        `quy` is the task's `qu` where it has that alone: data of Quechua is also filed under the macrolanguage. Where the task crosses languages, `de.en` (context, question) is a code too, and `de.de` is `de`.

        Raises:
            ConfigError: the task does not have this language, or has no training language and none was named.
        """
        if language is None:
            if self.train_language in self.languages:
                return self.train_language
            raise ConfigError(f"Task '{self.name}' needs a language: one of {', '.join(self.languages)}.")
        if self.crosses_languages and "." in language:
            context, question = (self.resolve_language(each) for each in language.split(".", 1))
            return context if context == question else f"{context}.{question}"
        code = get_language(language).code
        code = code if code in self.languages else filed_under(code)
        if code not in self.languages:
            raise ConfigError(f"Task '{self.name}' has no language '{language}'; it has {', '.join(self.languages)}.")
        return code

    def resolve_languages(self, languages: Sequence[str]) -> list[str]:
        """Return the code of each language, in their order.

        Raises:
            ConfigError: the task does not have one of them.
            ToolkitError: one is named twice, by one code or by two.
        """
        return each_once([self.resolve_language(code) for code in languages], "language", said=languages)
