"""Neighbours' formats: adapters as folders that the `adapters` library reads (`write`) and writes (`read`, `take`)."""

from toolkit.zoo.adapterhub.take import Taken, take
from toolkit.zoo.adapterhub.write import export

__all__ = ["Taken", "export", "take"]
