"""Stories through the real SDK, a real server and a real database, with a clock that is turned by hand.

All people in them are invented.
"""
