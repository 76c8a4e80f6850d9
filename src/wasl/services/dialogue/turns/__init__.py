"""What one text means where its conversation stands, and what is answered. Reads and changes what is held of a batch;
what a text does to a case is in `landing`, asking is left to whoever drives the turns (`actions`).

`turn`: a text in its place. `taking`: what it means, and the tables of who answers it: `enquiring`, `informing`
(articles), `reporting` (a new report), `cases` (verdicts and words on his cases), `wishing` (STOP, START and more).
"""
