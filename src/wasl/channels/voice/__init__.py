"""The telephone: Asterisk carries the calls, Wasl decides."""
