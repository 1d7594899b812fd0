"""What only the operator does, on the machine itself: set up, furnish, turn, back up, restore, look after it.

None of it has a route. The command line calls it; everything takes a `Site`, the place it is about.
"""
