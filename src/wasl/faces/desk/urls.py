"""Addresses of the desk. Every one stands in the matrix of tests/faces/test_desk_matrix.py."""

from django.urls import path

from wasl.faces.desk import pages, report, setup

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
    path("report/<str:number>/", report.filed, name="filed"),
    path("case/<str:number>/", pages.case_page, name="case"),
    path("case/<str:number>/part/<slug:part>/", pages.case_part, name="part"),
    path("case/<str:number>/do/<slug:slug>/", pages.do, name="do"),
    path("case/<str:number>/identity/", pages.reveal, name="reveal"),
    path("setup/", setup.home, name="admin"),
    path("messages/", setup.sent, name="messages"),
    path("privacy/", setup.privacy, name="privacy"),
    path("file/<int:pk>/<slug:form>/", pages.file, name="file"),
]
