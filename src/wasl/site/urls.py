"""Every address of the house: which face answers where."""

from django.urls import include, path

urlpatterns = [
    path("", include("wasl.faces.frame.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("account/", include("allauth.urls")),
    path("demo/", include("wasl.faces.demo.urls")),
    path("", include("wasl.faces.portal.urls")),
    path("desk/", include("wasl.faces.desk.urls")),
    path("open311/", include("wasl.faces.open311.urls")),
]
handler400 = "wasl.faces.frame.errors.bad_request"
handler403 = "wasl.faces.frame.errors.forbidden"
handler404 = "wasl.faces.frame.errors.not_found"
handler500 = "wasl.faces.frame.errors.server_error"
