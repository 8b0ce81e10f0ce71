"""pytest fixtures: the real Pulumi engine, stacks, and simulated providers, for tests of any Pulumi program.

Every run of pytest where mlgate is installed imports this module, so it imports nothing but pytest; what the fixtures need is imported by
them, and where it is not installed they fail with the command that installs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlgate_testkit.engine import Engine, Stacks


@pytest.fixture(scope="session")
def pulumi_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real Pulumi engine with a home of its own, fake credentials and nothing of the user's clouds; one for each pytest process."""
    with _told():
        from mlgate_testkit.engine import Engine

        engine = Engine(tmp_path_factory.mktemp("pulumi-home"))
    yield engine
    engine.close()


@pytest.fixture
def stack(pulumi_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """Makes stacks of a program: `stack("prod", program="infra/", config={"size": "3"})`; state lies in a temporary directory."""
    with _told():
        from mlgate_testkit.engine import Stacks
    stacks = Stacks(pulumi_engine, tmp_path_factory.mktemp("stacks"))
    yield stacks
    with _told():
        stacks.close()


@contextmanager
def _told() -> Iterator[None]:
    """Our own errors as text instead of a traceback, and a package that is not installed as the command that installs it."""
    from mlgate.errors import MlgateError
    from mlgate.extras import install_remedy

    try:
        yield
    except MlgateError as error:
        pytest.fail(str(error), pytrace=False)
    except ModuleNotFoundError as error:
        pytest.fail(f"the package {error.name} is not installed\n  -> {install_remedy('testkit')}", pytrace=False)
