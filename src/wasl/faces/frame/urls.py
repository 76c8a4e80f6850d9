"""Addresses of the frame itself, included at the root: `path("", include("wasl.faces.frame.urls"))`."""

from django.urls import path

from wasl.faces.frame import pages

urlpatterns = [path("look/", pages.set_look, name="set_look")]
