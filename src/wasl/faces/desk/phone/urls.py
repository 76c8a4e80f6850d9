"""Addresses of the telephone; `desk.urls` has them among its own."""

from django.urls import path

from wasl.faces.desk.phone import board, call, quality, records, seat, setup

PATTERNS = [
    path("phone/", seat.window, name="phone"),
    path("phone/bar/", seat.bar, name="phone_bar"),
    path("phone/seat/", seat.seat, name="phone_seat"),
    path("phone/secret/", seat.secret, name="phone_secret"),
    path("phone/call/<int:pk>/", call.call, name="phone_call"),
    path("phone/call/<int:pk>/do/", call.do, name="phone_do"),
    path("phone/call/<int:pk>/back/", call.ring_back, name="phone_back"),
    path("phone/call/<int:pk>/whom/", call.whom, name="phone_whom"),
    path("phone/call/<int:pk>/about/", call.about, name="phone_about"),
    path("phone/call/<int:pk>/responsible/", call.responsible, name="phone_responsible"),
    path("phone/call/<int:pk>/number/", call.see_number, name="phone_number"),
    path("phones/", board.phones, name="phones"),
    path("phones/seat/<int:pk>/", board.force, name="phone_force"),
    path("phones/help/<int:pk>/", board.help_call, name="phone_help"),
    path("phones/calls/", records.calls, name="phone_calls"),
    path("phones/figures/", records.figures, name="phone_figures"),
    path("phones/figures/figures.csv", records.figures_csv, name="phone_figures_csv"),
    path("phones/recordings/", records.recordings, name="phone_recordings"),
    path("phones/recordings/<int:pk>/", records.recording, name="phone_recording"),
    path("phones/recordings/<int:pk>/sound/", records.sound, name="phone_sound"),
    path("phones/quality/", quality.month, name="phone_quality"),
    path("phones/quality/<int:pk>/", quality.check, name="phone_check"),
    path("phones/quality/score/<int:pk>/decide/", quality.decide, name="phone_decide"),
    path("phones/quality/form/", quality.criteria, name="phone_criteria"),
    path("phones/quality/form/new/", quality.criterion, name="phone_new_criterion"),
    path("phones/quality/form/<int:pk>/", quality.criterion, name="phone_criterion"),
    path("phones/scores/", quality.own, name="phone_scores"),
    path("phones/scores/<int:pk>/", quality.own_score, name="phone_score"),
    path("phones/experts/", setup.experts, name="phone_experts"),
    path("phones/queues/", setup.queues, name="phone_queues"),
    path("phones/agents/", setup.profiles, name="phone_profiles"),
    path("phones/carriers/", setup.carriers, name="phone_carriers"),
    path("phones/set/<slug:kind>/new/", setup.edit, name="phone_new"),
    path("phones/set/<slug:kind>/<int:pk>/", setup.edit, name="phone_edit"),
]
