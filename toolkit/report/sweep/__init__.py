"""Report of a sweep: tables, sections, page."""
