"""The zoo: a directory of adapters with cards (`card`), written whole (`store`, `entry`), never trusted (`verify`)."""

from toolkit.zoo.card import AdapterCard, Origin, digest_of, rows_of
from toolkit.zoo.names import backbone_slug, shelf_name
from toolkit.zoo.shelf import Shelf, find_shelf
from toolkit.zoo.store import Zoo
from toolkit.zoo.values import Backbone, CardFile, CardScore, Head, Parent, Seen
from toolkit.zoo.verify import check_backbone

__all__ = [
    "AdapterCard",
    "Backbone",
    "CardFile",
    "CardScore",
    "Head",
    "Origin",
    "Parent",
    "Seen",
    "Shelf",
    "Zoo",
    "backbone_slug",
    "check_backbone",
    "digest_of",
    "find_shelf",
    "rows_of",
    "shelf_name",
]
