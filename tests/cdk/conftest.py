"""All stages, synthesised once: each takes seconds and a Node process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock import config
from tests.cdk import templates

if TYPE_CHECKING:
    from tests.cdk.templates import Templates


@pytest.fixture(scope="session")
def deployed_config(tmp_path_factory: pytest.TempPathFactory) -> config.Config:
    folder = tmp_path_factory.mktemp("config")
    (folder / "server").mkdir()
    (folder / "server" / "Dockerfile").write_text("FROM scratch\n")
    file = folder / "penstock.yaml"
    file.write_text(templates.CONFIG)
    return config.load(file)


@pytest.fixture(scope="session")
def cloud(deployed_config: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return templates.synthesise(deployed_config, "cloud", tmp_path_factory.mktemp("cloud"), with_assets=True)


@pytest.fixture(scope="session")
def local(deployed_config: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return templates.synthesise(deployed_config, "local", tmp_path_factory.mktemp("local"), with_assets=True)


@pytest.fixture(scope="session")
def localstack(deployed_config: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return templates.synthesise(deployed_config, "localstack", tmp_path_factory.mktemp("localstack"))


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _with_auth("{mode: api_key, rate: 20.5, burst: 30}", "cloud", tmp_path_factory)


@pytest.fixture(scope="session")
def keyed_local(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _with_auth("{mode: api_key, rate: 20.5, burst: 30}", "local", tmp_path_factory)


@pytest.fixture(scope="session")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _with_auth("{mode: none}", "cloud", tmp_path_factory)


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Without a way out, with a key, a name and a resource policy of its own; otherwise as ``cloud``."""
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "server").mkdir()
    (folder / "server" / "Dockerfile").write_text("FROM scratch\n")
    file = folder / "penstock.yaml"
    file.write_text(templates.SEALED_CONFIG)
    return templates.synthesise(config.load(file), "cloud", folder)


def _with_auth(auth: str, stage: str, factory: pytest.TempPathFactory) -> Templates:
    folder = factory.mktemp("auth")
    file = folder / "penstock.yaml"
    file.write_text(templates.SMALL_CONFIG.format(auth=auth))
    return templates.synthesise(config.load(file), stage, folder, with_assets=True)
