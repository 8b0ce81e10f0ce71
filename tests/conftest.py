"""What every test shares: Hypothesis without deadlines, since a busy machine is no failure.

With CI=true it tries the same examples each time: what a change is judged by must not depend on luck. Everybody else's runs go on looking.
"""

import os

from hypothesis import settings

settings.register_profile("mlgate", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("mlgate")
