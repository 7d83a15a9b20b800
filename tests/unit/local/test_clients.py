from __future__ import annotations

from localstack.clients import Clients
from localstack.environment import Endpoint


def test_clients_ignore_the_developers_profile_and_files(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = https://example.com\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "production")

    client = Clients(Endpoint(4566)).ecs()

    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.region_name == "us-east-1"
