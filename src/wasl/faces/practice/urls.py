"""Addresses of the practice."""

from django.urls import path

from wasl.faces.practice import pages

app_name = "practice"
urlpatterns = [
    path("enter/", pages.enter, name="enter"),
    path("mail/", pages.caught, name="mail"),
    path("anew/", pages.anew, name="anew"),
]
