"""Version of the package; `setup.py` reads it without importing anything."""

__version__ = "0.2.0"
