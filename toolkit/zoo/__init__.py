"""The zoo: a directory of adapters with cards (`card`), read and written whole (`store`), never trusted unread (`verify`)."""

from toolkit.zoo.card import AdapterCard, digest_of
from toolkit.zoo.store import Zoo, backbone_slug
from toolkit.zoo.verify import check_backbone

__all__ = ["AdapterCard", "Zoo", "backbone_slug", "check_backbone", "digest_of"]
