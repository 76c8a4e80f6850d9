"""What is only in the practice: its door, its made-up cases, the mail that it caught.

Desk and portal are the same program as in the house.
"""
