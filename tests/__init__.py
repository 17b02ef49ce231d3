"""Tests of xstilts, in the same folders as `toolkit/`."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
