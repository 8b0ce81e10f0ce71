"""The stack's configuration file. A promotion changes several of its values, so they are written together or not at all.

`pulumi config set` would take one call a value, and a kill between two of them would leave a combination that nobody asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlgate.errors import StackError

_SERVICES = "mlgate:services"
_SALT = "encryptionsalt"
_WRAPPED_KEY = "encryptedkey"


class StackFile:
    """`Pulumi.<stack>.yaml`: what people and `mlgate` set, and the salt that Pulumi keeps in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def salt(self) -> str | None:
        """The salt of the stack's secrets; None before the stack was initialised."""
        salt = self._read().get(_SALT)
        return salt if isinstance(salt, str) else None

    def initialised(self) -> bool:
        """Whether `pulumi stack init` has written how the stack's secrets are encrypted."""
        return any(self._read().get(key) for key in (_SALT, _WRAPPED_KEY))

    def services(self) -> dict[str, dict[str, Any]]:
        """The configuration of each service, unchecked: the program checks it."""
        services = (self._read().get("config") or {}).get(_SERVICES) or {}
        return {name: dict(given) for name, given in services.items() if isinstance(given, dict)} if isinstance(services, dict) else {}

    def set_service(self, name: str, **values: str | float | None) -> None:
        """Changes values of one service, all at once; None removes one."""
        content = self._read()
        config = content.get("config") or {}
        services = config.get(_SERVICES) or {}
        if not isinstance(services, dict) or not isinstance(services.get(name) or {}, dict):
            raise StackError(f"{_SERVICES} is no service by name", where=str(self.path), remedy="correct it, or remove it")
        given = {**(services.get(name) or {}), **values}
        services[name] = {key: value for key, value in given.items() if value is not None}
        content["config"] = {**config, _SERVICES: services}
        self._write(content)

    def set_salt(self, salt: str) -> None:
        """Writes the salt of the stack's secrets, keeping everything else."""
        self._write({_SALT: salt, **self._read()})

    def _read(self) -> dict[str, Any]:
        try:
            content = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise StackError(f"cannot be read: {error}", where=str(self.path), remedy="correct the file") from None
        content = content or {}
        if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
            raise StackError("is no stack configuration", where=str(self.path), remedy="correct the file")
        return content

    def _write(self, content: dict[str, Any]) -> None:
        making = self.path.with_name(f".{self.path.name}.new")
        making.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        making.replace(self.path)
