"""Addresses of the Open311 interface."""

from django.urls import path, re_path

from wasl.faces.open311 import api

app_name = "open311"
_FMT = r"\.(?P<fmt>xml|json)$"

urlpatterns = [
    re_path(rf"^(?:v2/)?discovery{_FMT}", api.discovery, name="discovery"),
    re_path(rf"^v2/requests{_FMT}", api.requests, name="requests"),
    re_path(rf"^v2/requests/(?P<number>[^/]{{1,100}}){_FMT}", api.request, name="request"),
    re_path(rf"^v2/services{_FMT}", api.services, name="services"),
    re_path(rf"^v2/services/(?P<code>[^/]{{1,100}}){_FMT}", api.definition, name="definition"),
    re_path(rf"^v2/tokens/(?P<token>[^/]{{1,255}}){_FMT}", api.token, name="token"),
    re_path(rf"^v2/servicerequestupdates{_FMT}", api.updates, name="updates"),
    path("v2/media/<int:pk>.jpg", api.media, name="media"),
    path("v2/openapi.json", api.openapi, name="openapi"),
    path("v2/", api.unknown, name="root"),
    re_path(r"^(?P<rest>.*)$", api.unknown),
]
