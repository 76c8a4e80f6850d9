"""Talking by SMS: what a text means, what is answered and done. How texts come and go is not known here."""
