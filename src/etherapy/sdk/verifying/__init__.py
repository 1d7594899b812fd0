"""What a thread shows, verified: pages go in, messages, promises and findings come out. Pure.

No file and no socket here: a test or a simulator replays any thread through it.
"""
