"""What is built for real, as far as it can be seen without a network."""

from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from shared.errors import SourceError
from shared.wiring import AKS_SCOPE, _aks_token


class Credential:
    """Gives a token, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        if self.failure:
            raise self.failure
        return AccessToken(f"token-{len(self.scopes)}", 0)


def test_the_api_server_is_asked_with_a_token_for_aks_and_the_credential_is_asked_every_time() -> None:
    credential = Credential()
    token: Callable[[], str] = _aks_token(credential)
    assert [token(), token()] == ["token-1", "token-2"]
    assert credential.scopes == [AKS_SCOPE, AKS_SCOPE] == ["6dae42f8-4368-4678-94ff-3960e28e3630/.default"] * 2


@pytest.mark.parametrize("failure", [ClientAuthenticationError("no identity"), ServiceRequestError("refused\nsecret")])
def test_without_a_token_the_nodes_cannot_be_read_and_the_way_out_is_told(failure: Exception) -> None:
    with pytest.raises(SourceError, match="AZURE_CLIENT_ID") as raised:
        _aks_token(Credential(failure))()
    assert "secret" not in str(raised.value)
