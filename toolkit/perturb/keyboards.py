"""Keyboard layouts and their neighbouring keys: the plain level of each, rows from top to bottom."""

from __future__ import annotations

from functools import cache

# The offset of each row of keys to the right, in key widths, on a standard staggered keyboard.
_STAGGER = {0: -0.5, 1: 0.0, 2: 0.25, 3: 0.75}
# Keys of one row this far apart are neighbours, and keys of adjacent rows that far.
_SAME_ROW, _NEXT_ROW = 1.0, 0.8

# Layout -> rows. A leading number says which row the first one is (0: the digits' row).
_LAYOUTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "qwerty": (1, ("qwertyuiop", "asdfghjkl", "zxcvbnm")),
    "qwertz": (1, ("qwertzuiopü", "asdfghjklöä", "yxcvbnm")),
    "azerty": (1, ("azertyuiop", "qsdfghjklm", "wxcvbn")),
    "spanish": (1, ("qwertyuiop", "asdfghjklñ", "zxcvbnm")),
    "turkish": (1, ("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç")),
    "nordic": (1, ("qwertyuiopå", "asdfghjklöä", "zxcvbnm")),
    "russian": (1, ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")),
    "ukrainian": (1, ("йцукенгшщзхї", "фівапролджє", "ячсмитьбю")),
    "greek": (1, (" ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ")),
    "arabic": (1, ("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر ىةوزظ")),
    "persian": (1, ("ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو")),
    "hebrew": (1, ("  קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ")),
    "inscript": (1, ("     बहगदजड", "     परकतचट", "  मनवलसय")),
    "kedmanee": (1, ("      นยบล", "ฟหกด   สวง", "ผป อ  ทมฝ")),
    "dubeolsik": (1, ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ")),
}
_OF_LANGUAGE = {
    "qwerty": "en nl it pt id ms sw vi af eu ca tl jv yo wo ht pl ro qu",
    "qwertz": "de hu cs sk hr sl",
    "azerty": "fr",
    "spanish": "es",
    "turkish": "tr",
    "nordic": "fi sv et da no",
    "russian": "ru",
    "ukrainian": "uk",
    "greek": "el",
    "arabic": "ar",
    "persian": "fa",
    "hebrew": "he",
    "inscript": "hi mr",
    "kedmanee": "th",
    "dubeolsik": "ko",
}
LAYOUT_OF = {code: name for name, codes in _OF_LANGUAGE.items() for code in codes.split()}


@cache
def neighbours(layout: str) -> dict[str, str]:
    """Return for each letter of a layout the letters on keys next to it.

    Example:
        >>> sorted(neighbours("qwerty")["g"])
        ['b', 'f', 'h', 't', 'v', 'y']
        >>> "y" in neighbours("qwertz")["a"]
        True
    """
    first, rows = _LAYOUTS[layout]
    places = {
        key: (column + _STAGGER[first + number], float(number))
        for number, row in enumerate(rows)
        for column, key in enumerate(row)
        if key != " "
    }
    return {
        key: "".join(
            other
            for other, (other_x, other_y) in places.items()
            if other != key and abs(other_y - y) <= 1 and abs(other_x - x) <= (_SAME_ROW if other_y == y else _NEXT_ROW)
        )
        for key, (x, y) in places.items()
    }
