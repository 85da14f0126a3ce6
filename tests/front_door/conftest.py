"""One running world for all modules; a module that needs other settings has a `running` of its own."""

from collections.abc import Iterator

import pytest

from tests.front_door.stage import ONE_PASS, Stage


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("front-door"), settle=ONE_PASS) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The world in its fixed state; whatever a test makes it log holds no secret."""
    running.reset()
    yield running
    assert not running.leaked(running.host.log())
