"""Addresses of the gateway's pages; `desk.urls` has them among its own."""

from django.urls import path

from wasl.faces.desk.sms import clients, figures, live, operators, texts

PATTERNS = [
    path("sms/", live.live, name="sms"),
    path("sms/steer/<slug:kind>/<int:pk>/", live.steer, name="sms_steer"),
    path("sms/texts/", texts.texts, name="sms_texts"),
    path("sms/texts/<int:pk>/", texts.text, name="sms_text"),
    path("sms/incoming/", texts.incoming, name="sms_incoming"),
    path("sms/incoming/<int:pk>/", texts.came, name="sms_came"),
    path("sms/figures/", figures.figures, name="sms_figures"),
    path("sms/figures/figures.csv", figures.figures_csv, name="sms_figures_csv"),
    path("sms/reviews/", figures.reviews, name="sms_reviews"),
    path("sms/systems/", clients.clients, name="sms_clients"),
    path("sms/systems/new/", clients.client, name="sms_new_client"),
    path("sms/systems/<int:pk>/", clients.client, name="sms_client"),
    path("sms/operators/", operators.operators, name="sms_operators"),
    path("sms/operators/new/", operators.operator, name="sms_new_operator"),
    path("sms/operators/<int:pk>/", operators.operator, name="sms_operator"),
    path("sms/operators/<int:pk>/connection/", operators.new_bind, name="sms_new_bind"),
    path("sms/connections/<int:pk>/", operators.bind, name="sms_bind"),
    path("sms/routes/new/", operators.route, name="sms_new_route"),
    path("sms/routes/<int:pk>/", operators.route, name="sms_route"),
    path("sms/classes/<int:klass>/", operators.rule, name="sms_rule"),
    path("sms/ported/", operators.ported, name="sms_ported"),
]
