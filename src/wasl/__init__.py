"""Wasl (وصل): the hotline between a city and its people. The floors are described in docs/architecture.md."""
