"""What a short message is: alphabets, headers, what a text costs and how it is cut. How it travels is not here.

Needs nothing but Python's standard library.
"""
