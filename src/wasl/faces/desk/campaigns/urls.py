"""Addresses of messages to many; `desk.urls` has them among its own."""

from django.urls import path

from wasl.faces.desk.campaigns import campaigns, groups, ideas

PATTERNS = [
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/new/", campaigns.campaign, name="new_campaign"),
    path("campaigns/<int:pk>/", campaigns.campaign, name="campaign"),
    path("campaigns/<int:pk>/people.csv", campaigns.campaign_csv, name="campaign_csv"),
    path("campaigns/ideas/", ideas.register, name="ideas"),
    path("campaigns/groups/", groups.groups, name="groups"),
    path("campaigns/groups/new/", groups.group, name="new_group"),
    path("campaigns/groups/<int:pk>/", groups.group, name="group"),
]
