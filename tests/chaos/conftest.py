"""One storage account for all; nobody really waits."""

from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite
from tests.chaos.no_waiting import RunningAhead, no_waiting


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def ahead() -> Iterator[RunningAhead]:
    with no_waiting() as ahead:
        yield ahead
