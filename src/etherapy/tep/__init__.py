"""TEP/1: the formats of the threads and how they are verified, without any content key.

Server and devices share this room. Whatever both ends must agree on, byte for byte, is here; what
seals and opens is in `crypto`, which the server never imports (docs/tep.md).
"""
