"""Alerts and news that somebody asked for: topics, subscriptions with proof of consent, what was sent when."""
