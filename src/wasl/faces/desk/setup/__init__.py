"""The administrator's pages, a module for each matter; `page` is what they share, `forms` their forms."""

from wasl.faces.desk.setup.page import RIGHT, draw

__all__ = ["RIGHT", "draw"]
