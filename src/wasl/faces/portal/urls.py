"""Addresses of the public pages."""

from django.urls import path

from wasl.faces.portal import pages, report

app_name = "portal"
urlpatterns = [
    path("", pages.home, name="home"),
    path("contact/", pages.reach, name="reach"),
    path("areas.geojson", pages.areas, name="areas"),
    path("report/", report.begin, name="begin"),
    path("complaint/", report.begin, {"kind": "complaint"}, name="complaint"),
    path("suggestion/", report.begin, {"kind": "suggestion"}, name="suggestion"),
    path("feedback/", report.begin, {"kind": "feedback"}, name="feedback"),
    path("report/<slug:token>/what/", report.what, name="what"),
    path("report/<slug:token>/suggestions/", report.suggestions, name="suggestions"),
    path("report/<slug:token>/danger/", report.danger, name="danger"),
    path("report/<slug:token>/where/", report.where, name="where"),
    path("report/<slug:token>/details/", report.details, name="details"),
    path("report/<slug:token>/photo/<int:pk>/", report.photo, name="draft_photo"),
    path("report/<slug:token>/you/", report.you, name="you"),
    path("report/<slug:token>/check/", report.check, name="check"),
    path("report/<slug:token>/receipt/", report.receipt, name="receipt"),
    path("report/<slug:token>/discard/", report.discard, name="discard"),
    path("track/", pages.track, name="track"),
    path("status/", pages.track, name="status"),
    path("track/<str:number>/", pages.case_page, name="case"),
    path("track/<str:number>/answer/", pages.answer_here, name="case_answer"),
    path("track/<str:number>/add/", pages.add_here, name="case_add"),
    path("track/<str:number>/reopen/", pages.reopen_here, name="case_reopen"),
    path("track/<str:number>/pin/", pages.new_pin, name="case_pin"),
    path("track/<str:number>/leave/", pages.leave, name="case_leave"),
    path("track/<str:number>/file/<int:pk>/<slug:size>/", pages.file, name="case_file"),
    path("answer/<str:token>/", pages.answer_link, name="answer"),
    path("verify/", pages.verify, name="verify"),
]
