"""Settings of the server: options of the command line, then the environment, then a TOML file."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "server.toml"
ENVIRONMENT = "FRAZIL_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def default_data_folder() -> Path:
    """Where the server keeps its catalogue unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "frazil"


class ServerConfig(BaseModel):
    """Settings of the server. Paths are absolute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_folder: Path = Field(
        default_factory=default_data_folder,
        description="holds the catalogue, the access file and server.toml; on a local disk "
        "[~/.local/share/frazil]",
    )
    catalogue_url: str = Field(default="", description="a PostgreSQL server instead of a file in data_folder")
    host: str = Field(
        default="127.0.0.1", description="address to listen on; any but loopback needs an account"
    )
    port: int = Field(default=8181, ge=1, le=65535, description="port to listen on")
    microscope_name: str = Field(default="", max_length=100, description="title of the page")
    roots: tuple[Path, ...] = Field(
        default=(), description="folders the server may see, separated by colons; empty: your home"
    )
    session_root: Path | None = Field(
        default=None, description="where new sessions go; may be seen too [sessions in data_folder]"
    )
    trusted_hosts: tuple[str, ...] = Field(
        default=(), description="further names by which browsers reach the server"
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="addresses of proxies whose X-Forwarded headers are believed"
    )
    websocket_ping_s: int = Field(default=10, ge=1, le=600, description="sign of life to every browser, s")
    log_tail_lines: int = Field(default=1000, ge=10, le=100_000, description="lines that a log shows first")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where to compute")
    gpus: tuple[str, ...] = Field(default=(), description="numbers or names of the GPUs to use; empty: all")
    movies_workers: int | None = Field(default=None, ge=1, le=512, description="movies at a time [by cores]")
    movies_threads: int | None = Field(default=None, ge=1, le=128, description="threads per movie [by cores]")
    classes_workers: int | None = Field(
        default=None, ge=1, le=64, description="classifications at a time [1]"
    )
    classes_threads: int | None = Field(
        default=None, ge=1, le=128, description="threads per classification [by cores]"
    )

    @field_validator("roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(word for word in value.split(":") if word) if isinstance(value, str) else value

    @field_validator("trusted_hosts", "trusted_proxies", "gpus", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("data_folder", "session_root")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("roots")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser().absolute() for path in value)

    @property
    def catalogue(self) -> Path | str:
        """Where the catalogue is."""
        return self.catalogue_url or self.data_folder / "catalogue.sqlite"

    @property
    def sessions_folder(self) -> Path:
        """Where new sessions go."""
        return self.session_root or self.data_folder / "sessions"

    @property
    def visible_roots(self) -> tuple[Path, ...]:
        """Folders the server may see."""
        return (*(self.roots or (Path.home(),)), self.sessions_folder)

    def allows(self, path: Path) -> bool:
        """Whether the server may see a path: what it really is, links followed, lies below a root."""
        try:
            real = path.resolve()
            return any(real.is_relative_to(root.resolve()) for root in self.visible_roots)
        except (OSError, RuntimeError, ValueError):
            return False

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


def load_config(
    options: Mapping[str, object],
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> ServerConfig:
    """Put the server's settings together.

    Parameters
    ----------
    options
        From the command line; None counts as not given.
    environment
        Variables such as ``FRAZIL_PORT``; by default those of this process.
    file
        TOML file with the same names; by default ``server.toml`` in the data folder, if there is one.

    Raises `InputError` for an unknown name or a value that can't be used; it says where that stood.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in options.items() if value is not None}
    of_environment = {
        name: environment[variable]
        for name in ServerConfig.model_fields
        if (variable := ENVIRONMENT + name.upper()) in environment
    }
    folder = given.get("data_folder") or of_environment.get("data_folder") or default_data_folder()
    path = file or Path(str(folder)).expanduser() / FILE_NAME
    of_file = _read_toml(path) if file is not None or path.is_file() else {}
    values = {**of_file, **of_environment, **given}
    try:
        return ServerConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        if name in given:
            where = f"--{name.replace('_', '-')}"
        elif name in of_environment:
            where = ENVIRONMENT + name.upper()
        else:
            where = f"{path}: {name}"
        raise InputError(f"{where} {values.get(name)!r}: {first['msg']}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no TOML file: {error}") from error
    for name in values:
        if name not in ServerConfig.model_fields:
            near = difflib.get_close_matches(name, ServerConfig.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"{path}: there is no server setting called {name}{hint}")
    return values
