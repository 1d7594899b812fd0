"""The agreement that a charter names: what both sides accept when a client joins (decisions.md D-12)."""

AGREEMENT = """\
Messages in this thread are encrypted between your devices and those of your therapist. The service keeps \
them sealed and cannot read them.

Messages are not a way to get help in an emergency. They are read in the hours that were agreed; the service \
tells you before and after each message when that will be.

Every message is signed by the device that wrote it. Whoever is in this thread can show a message to others \
and prove who wrote it.

Your recovery code opens all your messages. Keep it where nobody finds it who might look for it.
"""
