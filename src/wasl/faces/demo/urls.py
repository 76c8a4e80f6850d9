"""Addresses of the demonstration's own pages."""

from django.urls import path

from wasl.faces.demo import pages

app_name = "demo"
urlpatterns = [
    path("mail.json", pages.mail_json, name="mail-json"),
    path("mail/", pages.mail, name="mail"),
    path("mail/<str:name>/", pages.mail, name="one-mail"),
    path("phones/", pages.telephones, name="phones"),
    path("phones/talk/", pages.talk, name="talk"),
]
