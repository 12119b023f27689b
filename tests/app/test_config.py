"""Settings of the server: where they come from, and what is said of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frazil.app.config import ServerConfig, load_config
from frazil.app.machine import find_device, gpu_numbers, pools
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_options_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text('port = 1001\nmicroscope_name = "Krios"\nlog_tail_lines = 50\n')
    environment = {"FRAZIL_DATA_FOLDER": str(tmp_path), "FRAZIL_PORT": "1002", "FRAZIL_LOG_TAIL_LINES": "60"}
    config = load_config({"port": 1003, "host": None}, environment)
    assert (config.port, config.log_tail_lines, config.microscope_name) == (1003, 60, "Krios")
    assert config.host == "127.0.0.1"
    assert config.catalogue == tmp_path / "catalogue.sqlite"


def test_lists_in_the_environment(tmp_path: Path) -> None:
    environment = {"FRAZIL_ROOTS": f"/data:{tmp_path}", "FRAZIL_GPUS": "0, 2", "FRAZIL_TRUSTED_HOSTS": "a b"}
    config = load_config({"data_folder": tmp_path / "d"}, environment)
    assert [str(root) for root in config.roots] == ["/data", str(tmp_path)]
    assert config.gpus == ("0", "2")
    assert config.trusted_hosts == ("a", "b")


@pytest.mark.parametrize(
    ("options", "environment", "file", "message"),
    [
        ({"port": 99999}, {}, "", "--port 99999"),
        ({}, {"FRAZIL_PORT": "many"}, "", "FRAZIL_PORT 'many'"),
        ({}, {}, 'port = "x"', r"server\.toml: port"),
        ({}, {}, "prot = 1", r"no server setting called prot; did you mean port\?"),
        ({}, {}, "port = ", r"server\.toml: is no TOML"),
        ({"device": "tpu"}, {}, "", "--device 'tpu'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    options: dict[str, object], environment: dict[str, str], file: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "server.toml").write_text(file)
    with pytest.raises(InputError, match=message):
        load_config({"data_folder": tmp_path, **options}, environment)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.toml"):
        load_config({}, {}, tmp_path / "nothing.toml")


def test_only_what_lies_below_a_root_may_be_seen(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    config = ServerConfig(data_folder=tmp_path / "server", roots=(tmp_path / "data",))
    assert config.allows(tmp_path / "data" / "new" / "file")
    assert config.allows(tmp_path / "server" / "sessions" / "s")
    for outside in ("secret", "data/link/x", "data/../secret", "database", "server/catalogue.sqlite"):
        assert not config.allows(tmp_path / outside), outside


def test_workers_suit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def slots(cores: int, device: str = "cpu", **options: object) -> dict[str, tuple[int, int]]:
        monkeypatch.setattr("frazil.app.machine.cores", lambda: cores)
        config = ServerConfig.model_validate(options)
        return {name: (pool.slots, pool.threads) for name, pool in pools(config, device).items()}

    assert slots(2)["movies"] == (1, 2)
    assert slots(32)["movies"] == (8, 4)
    assert slots(32, movies_workers=4)["movies"] == (4, 8)
    assert slots(32, movies_workers=4, movies_threads=2)["movies"] == (4, 2)
    assert slots(16, "cuda", gpus=("0", "1"))["movies"] == (2, 8)


def test_without_a_gpu_torch_is_not_asked(tmp_path: Path) -> None:
    assert gpu_numbers(tmp_path / "nothing") == ()
    assert find_device(ServerConfig(), tmp_path / "nothing") == "cpu"
    (tmp_path / "0000:01:00.0").mkdir()
    assert gpu_numbers(tmp_path) == ("0",)
