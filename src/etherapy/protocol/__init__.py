"""What both ends say: wire structs, problems and the table of endpoints. Types only, no I/O.

The server and the SDK import the same classes, so the two cannot drift apart; the OpenAPI document
is derived from them.
"""
