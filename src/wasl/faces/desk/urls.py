"""Addresses of the desk. Every one stands in the matrix of tests/faces/test_desk_matrix.py."""

from django.urls import path, register_converter

from wasl.faces.desk import (
    alerts,
    board,
    bulk,
    counts,
    export,
    learning,
    mailboxes,
    matters,
    notices,
    numbers,
    pages,
    report,
    search,
)
from wasl.faces.desk.campaigns import urls as campaigns
from wasl.faces.desk.lists import pages as list_pages
from wasl.faces.desk.paper import pages as print_pages
from wasl.faces.desk.phone import urls as phone
from wasl.faces.desk.setup import urls as setup
from wasl.faces.desk.sms import urls as sms
from wasl.faces.desk.voice import urls as voice


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
    path("learn/", learning.learn, name="learn"),
    path("learn/tour/<slug:role>/", learning.tour, name="tour"),
    path("learn/practise/", learning.practise, name="practise"),
    path("learn/people/", learning.learners, name="learners"),
    path("setup/mailboxes/", mailboxes.mailboxes, name="mailboxes"),
    path("notices/", notices.listed, name="notices"),
    path("notices/bell/", notices.bell, name="bell"),
    path("notices/read/", notices.read_all, name="read_notices"),
    path("notices/wishes/", notices.wishes, name="wishes"),
    path("notices/<int:pk>/", notices.follow, name="follow"),
    path("search/", search.search, name="search"),
    path("board/", board.board, name="board"),
    path("list/<slug:code>/", list_pages.case_list, name="list"),
    path("list/<slug:code>/side/", list_pages.side_list, name="side"),
    path("list/<slug:code>/columns/", list_pages.layout, name="layout"),
    path("several/", bulk.bulk, name="bulk"),
    path("list/<slug:code>/extract/", export.extract, name="extract"),
    path("extracts/", export.register, name="extracts"),
    path("counts/", counts.counts, name="counts"),
    path("counts/figures.csv", counts.counts_csv, name="counts_csv"),
    path("counts/figures.pdf", counts.counts_pdf, name="counts_pdf"),
    path("case/<acceptance:number>/print/", print_pages.print_case, name="print"),
    path("views/", list_pages.all_views, name="views"),
    path("views/new/", list_pages.new_view, name="new_view"),
    path("views/<int:pk>/", list_pages.one_view, name="view"),
    path("views/<int:pk>/remove/", list_pages.remove_view, name="remove_view"),
    path("views/<int:pk>/restore/", list_pages.restore_view, name="restore_view"),
    path("report/", report.report, name="report"),
    path("report/beside/", report.beside, name="beside"),
    path("report/article/", report.article_part, name="read_article"),
    path("report/map/", report.pick_map, name="map"),
    path("report/draft/", report.save_draft, name="draft"),
    path("report/draft/<slug:key>/<slug:what>/", report.put_draft, name="put_draft"),
    path("report/class/", report.class_part, name="class"),
    path("report/<acceptance:number>/", report.filed, name="filed"),
    path("case/<acceptance:number>/", pages.case_page, name="case"),
    path("case/<acceptance:number>/part/<slug:part>/", pages.case_part, name="part"),
    path("case/<acceptance:number>/do/<slug:slug>/", pages.do, name="do"),
    path("case/<acceptance:number>/identity/", pages.reveal, name="reveal"),
    path("problems/", matters.listed, name="problems"),
    path("problems/<int:pk>/", matters.problem, name="problem"),
    path("untold/", matters.untold, name="untold"),
    path("questions/", matters.questions, name="questions"),
    path("people/", matters.people_page, name="people"),
    path("people/<int:pk>/", matters.person, name="people_record"),
    path("people/repair/", numbers.repair, name="repair"),
    path("people/<int:pk>/number/", numbers.check, name="number"),
    path("alerts/", alerts.alerts, name="alerts"),
    *setup.PATTERNS,
    *sms.PATTERNS,
    *voice.PATTERNS,
    *phone.PATTERNS,
    *campaigns.PATTERNS,
    path("file/<int:pk>/<slug:form>/", pages.file, name="file"),
]
