"""The gallery: a zoo as one page of HTML that needs no server, no network and no other file."""

from toolkit.zoo.site.page import page, write_site

__all__ = ["page", "write_site"]
