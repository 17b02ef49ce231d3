"""Neighbours' formats: adapters as folders that the `adapters` library reads (`write`) and writes (`read`, `take`), also those of the hub (`hub`)."""

from toolkit.zoo.adapterhub.hub import Source, opened
from toolkit.zoo.adapterhub.take import Taken, take
from toolkit.zoo.adapterhub.write import export

__all__ = ["Source", "Taken", "export", "opened", "take"]
