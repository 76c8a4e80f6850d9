"""Addresses of what the telephone says and of its mailbox; `desk.urls` has them among its own."""

from django.urls import path

from wasl.faces.desk.voice import flows, lines, mailbox

PATTERNS = [
    path("setup/flows/", flows.listed, name="flows"),
    path("setup/flows/<slug:code>/", flows.flow, name="flow"),
    path("setup/flows/<slug:code>/step/<slug:name>/", flows.step, name="flow_step"),
    path("setup/flows/<slug:code>/step/<slug:name>/<slug:part>/<slug:language>.wav", flows.sound_of, name="flow_sound"),
    path("setup/flows/<slug:code>/version/<int:number>/", flows.version, name="flow_version"),
    path("setup/lines/new/", lines.line, name="new_phone_line"),
    path("setup/lines/<int:pk>/", lines.line, name="phone_line"),
    path("mailbox/", mailbox.listed, name="mailbox"),
    path("mailbox/owed/<int:pk>/", mailbox.owed_call, name="owed"),
    path("mailbox/<int:pk>/", mailbox.message, name="voice_message"),
    path("mailbox/<int:pk>/sound/", mailbox.sound, name="voice_sound"),
]
