"""What every test shares: Hypothesis without deadlines, since a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("mlgate", deadline=None)
settings.load_profile("mlgate")
