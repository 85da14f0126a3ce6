"""Which kubeconfigs are trusted, and in which words the others are refused."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import RefusedError
from shared.kubeconfig import Cluster, current_cluster

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
DATA = base64.b64encode(PEM).decode()


def config(cluster: dict[str, Any] | None = None, *, current: str | None = "here", **changes: Any) -> bytes:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "contexts": [
            {"name": "there", "context": {"cluster": "far", "user": "u"}},
            {"name": "here", "context": {"cluster": "near", "user": "u"}},
        ],
        "clusters": [
            {"name": "far", "cluster": {"server": "https://far:443"}},
            {"name": "near", "cluster": cluster or {"server": "https://near:443", "certificate-authority-data": DATA}},
        ],
        "users": [{"name": "u", "user": {"token": "s3cret", "client-key-data": "s3cret"}}],
    }
    return yaml.safe_dump({key: value for key, value in (body | changes).items() if value is not None}).encode()


def refusal(text: bytes, folder: Path | None = None) -> str:
    with pytest.raises(RefusedError) as raised:
        current_cluster(text, where="kubeconfig k", folder=folder)
    assert "s3cret" not in str(raised.value)
    assert str(raised.value).startswith("kubeconfig k")
    return str(raised.value)


def test_the_cluster_of_the_current_context_counts() -> None:
    assert current_cluster(config(), where="k") == Cluster("https://near:443", PEM)


def test_users_are_not_looked_at() -> None:
    assert current_cluster(config(users="not even a list"), where="k").server == "https://near:443"


def test_certificate_data_may_be_wrapped_over_lines() -> None:
    wrapped = "\n".join(DATA[start : start + 16] for start in range(0, len(DATA), 16))
    cluster = {"server": "https://near/", "certificate-authority-data": wrapped}
    assert current_cluster(config(cluster), where="k") == Cluster("https://near", PEM)


def test_a_certificate_file_is_read_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(PEM)
    cluster = {"server": "https://near", "certificate-authority": "ca.crt"}
    assert current_cluster(config(cluster), where="k", folder=tmp_path).ca_pem == PEM


def test_the_certificates_stay_out_of_logs() -> None:
    assert "CERTIFICATE" not in repr(current_cluster(config(), where="k"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (config(current=None), "has no current-context"),
        (config(current=""), "has no current-context"),
        (config(current="gone"), "current-context 'gone' is not among its contexts"),
        (config(clusters=[]), "names the cluster 'near', which is not there"),
        (config(clusters=None), "is not a kubeconfig: Object missing required field `clusters`"),
        (config(contexts="here"), "is not a kubeconfig"),
        (config({"certificate-authority-data": DATA}), "is not a kubeconfig"),
        (config({"server": "http://near", "certificate-authority-data": DATA}), "'http://near' is not https"),
        (config({"server": "near:443", "certificate-authority-data": DATA}), "is not https"),
        (
            config({"server": "https://near", "insecure-skip-tls-verify": True, "certificate-authority-data": DATA}),
            "insecure-skip-tls-verify is set for https://near",
        ),
        (config({"server": "https://near"}), "has no certificate authority for https://near"),
        (config({"server": "https://near", "certificate-authority": "ca.crt"}), "has no certificate authority"),
        (config({"server": "https://near", "certificate-authority-data": "%%%"}), "is not base64"),
        (config({"server": "https://near", "certificate-authority-data": "äöü"}), "is not base64"),
        (
            config({"server": "https://near", "certificate-authority-data": base64.b64encode(b"s3cret").decode()}),
            "is not a PEM certificate",
        ),
        (
            config({"server": "https://near", "certificate-authority-data": base64.b64encode(PEM + b"\xff").decode()}),
            "is not a PEM certificate",
        ),
        (b"users: [{token: s3cret\n  oops: : :", "is not YAML (line 2)"),
        (b"token: s3cret \xff", "is not YAML"),
        (b"token: s3cret\x07", "is not YAML"),
        (b"", "is not a kubeconfig"),
        (b"s3cret", "is not a kubeconfig"),
        (b"[]", "is not a kubeconfig"),
    ],
)
def test_a_kubeconfig_that_cannot_be_trusted_is_refused_with_the_reason(text: bytes, sentence: str) -> None:
    assert sentence in refusal(text)


def test_a_certificate_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    cluster = {"server": "https://near", "certificate-authority": "ca.crt"}
    assert "ca.crt: No such file or directory" in refusal(config(cluster), folder=tmp_path)
