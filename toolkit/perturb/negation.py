"""Words of negation: to leave one out would turn a label round, so no perturbation does."""

from __future__ import annotations

from toolkit.perturb.text import small_letters

# Particles, pronouns and adverbs of negation. Languages that negate by an ending (tr, ta, ...) lose it with no word of its own.
_NEGATIONS = {
    "ar": "لا ليس ليست لم لن ما غير بدون أبدا",
    "bg": "не няма никой нищо никога без нито",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ohne weder",
    "el": "δεν δε μην μη όχι ποτέ κανείς κανένας καμία τίποτα χωρίς",
    "en": "not no n't never nobody nothing none neither nor nowhere without cannot can't don't doesn't didn't isn't aren't "
    "wasn't weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't",
    "es": "no nunca jamás nadie nada ningún ninguno ninguna ni sin tampoco",
    "fr": "ne pas n jamais personne rien aucun aucune ni sans non",
    "hi": "नहीं न मत ना बिना",
    "id": "tidak bukan tak jangan belum tanpa",
    "it": "non mai nessuno nessuna niente nulla né senza",
    "nl": "niet geen nooit niemand niets zonder noch",
    "pt": "não nunca jamais ninguém nada nenhum nenhuma nem sem",
    "ru": "не нет ни никто ничто ничего никогда без нельзя",
    "sw": "si hakuna hapana bila kamwe",
    "tr": "değil yok hiç hiçbir asla ne",
    "ur": "نہیں نہ مت بغیر",
    "vi": "không chẳng chưa đừng chả",
    "zh": "不 没 无 非 未 别 莫",
}
_SETS = {code: frozenset(text.split()) for code, text in _NEGATIONS.items()}
# A French or English contraction carries its negation inside: n'est, don't.
_INSIDE = {"en": ("n't", "n’t"), "fr": ("n'", "n’")}


def is_negation(word: str, language: str) -> bool:
    """Whether a word negates, as far as the list of its language goes; languages without a list have none.

    Example:
        >>> is_negation("Don't", "en"), is_negation("cat", "en")
        (True, False)
    """
    small = small_letters(word, language)
    return small in _SETS.get(language, ()) or any(part in small for part in _INSIDE.get(language, ()))
