"""Measures: each module is one, with `main(quick: bool) -> None`, run by `./wasl bench NAME`.

It finds Django set up over an installation of its own (empty but for the demo city), prints its figures, and as its
last line `NAME ratio R`: what was reached, as a share of the limit or the peer that it is measured against.
"""
