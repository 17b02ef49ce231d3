"""The gallery: a zoo as pages of HTML that need no server, no network and no other file."""

from toolkit.zoo.site.page import page, write_site

__all__ = ["page", "write_site"]
