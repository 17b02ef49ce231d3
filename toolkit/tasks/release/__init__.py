"""Corpora that their makers publish on a site of their own, and not on the hub: fetched, checked, and put into a mirror."""
