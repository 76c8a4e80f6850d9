"""Addresses of the desk. Every one stands in the matrix of tests/faces/test_desk_matrix.py."""

from django.urls import path, register_converter

from wasl.faces.desk import pages, report, rulebook, setup


class AcceptanceNumber:
    """An acceptance number in an address: digits only."""

    regex = "[0-9]{8,20}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(AcceptanceNumber, "acceptance")
app_name = "desk"
urlpatterns = [
    path("", pages.home, name="home"),
    path("rail/", pages.rail, name="rail"),
    path("me/", pages.me, name="me"),
    path("search/", pages.search, name="search"),
    path("board/", pages.board, name="board"),
    path("list/<slug:code>/", pages.case_list, name="list"),
    path("list/<slug:code>/side/", pages.side_list, name="side"),
    path("report/", report.report, name="report"),
    path("report/beside/", report.beside, name="beside"),
    path("report/map/", report.pick_map, name="map"),
    path("report/class/", report.class_part, name="class"),
    path("report/<acceptance:number>/", report.filed, name="filed"),
    path("case/<acceptance:number>/", pages.case_page, name="case"),
    path("case/<acceptance:number>/part/<slug:part>/", pages.case_part, name="part"),
    path("case/<acceptance:number>/do/<slug:slug>/", pages.do, name="do"),
    path("case/<acceptance:number>/identity/", pages.reveal, name="reveal"),
    path("setup/", setup.home, name="admin"),
    path("setup/units/", setup.units, name="units"),
    path("setup/units/new/", setup.unit, name="new_unit"),
    path("setup/units/<int:pk>/", setup.unit, name="unit"),
    path("setup/staff/", setup.people, name="staff"),
    path("setup/staff/new/", setup.person, name="new_person"),
    path("setup/staff/<int:pk>/", setup.person, name="person"),
    path("setup/areas/", setup.areas, name="areas"),
    path("setup/calendars/", setup.calendars, name="calendars"),
    path("setup/calendars/new/", setup.calendar, name="new_calendar"),
    path("setup/calendars/<int:pk>/", setup.calendar, name="calendar"),
    path("setup/catalogue/", rulebook.editions, name="catalogue"),
    path("setup/catalogue/<int:number>/", rulebook.edition, name="edition"),
    path("setup/catalogue/<int:number>/<slug:sheet>.csv", rulebook.sheet_csv, name="sheet"),
    path("setup/templates/", rulebook.templates, name="templates"),
    path("setup/templates/<slug:event>/<slug:channel>/", rulebook.template, name="template"),
    path("setup/clients/", setup.clients, name="clients"),
    path("setup/audit/", setup.audit, name="audit"),
    path("setup/journal/", setup.proof, name="journal"),
    path("messages/", rulebook.sent, name="messages"),
    path("privacy/", rulebook.privacy, name="privacy"),
    path("file/<int:pk>/<slug:form>/", pages.file, name="file"),
]
