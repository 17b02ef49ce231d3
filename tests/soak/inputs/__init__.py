"""Damaged and hostile inputs over every door: files (`files.py`) and options (`options.py`), judged in `judge.py`.

All are made by code and harmless: what they ask for is to print, to wait, to read too much or to be believed.
"""
