"""Property tests of this room may take their time: a busy machine is not a failure."""

from hypothesis import settings

settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")
