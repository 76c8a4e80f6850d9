"""Every address of the house: which face answers where."""

from django.conf import settings
from django.urls import include, path

from wasl.faces.metrics.pages import metrics
from wasl.faces.practice.pages import away

urlpatterns = [
    # In a practice nobody signs in: one comes from the house.
    *([path("account/login/", away)] if settings.WASL_IS_PRACTICE else []),
    path("practice/", include("wasl.faces.practice.urls")),
    path("metrics", metrics, name="metrics"),
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
