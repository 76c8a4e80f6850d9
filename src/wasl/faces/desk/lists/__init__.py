"""Lists of cases: which there are, what narrows them, their columns, paging by key, and views that people save."""

from wasl.faces.desk.lists.drawn import drawn
from wasl.faces.desk.lists.filters import Filters, kept
from wasl.faces.desk.lists.listings import COUNTED, LISTINGS, SOON, Listing, on_rail
from wasl.faces.desk.lists.paging import PAGE, Page, cases_of, page_of, shape_of
from wasl.faces.desk.lists.rows import Row, category_name, rows_of

__all__ = [
    "COUNTED",
    "LISTINGS",
    "PAGE",
    "SOON",
    "Filters",
    "Listing",
    "Page",
    "Row",
    "cases_of",
    "category_name",
    "drawn",
    "kept",
    "on_rail",
    "page_of",
    "rows_of",
    "shape_of",
]
