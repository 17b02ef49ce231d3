"""Catalogue of tasks: every built-in task as data. To add one, add a `Task(...)` to the module of its kind."""

from toolkit.tasks.catalogue.built_in import BUILT_IN, catalogue_of, get_task, load_task
from toolkit.tasks.catalogue.catalogue import Catalogue

__all__ = ["BUILT_IN", "Catalogue", "catalogue_of", "get_task", "load_task"]
