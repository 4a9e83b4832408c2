"""Read YAML strictly: every key knows its line, no key stands twice, and 1e-8 is a number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from neurodyn.errors import ConfigError, DataError, seen_from_here

__all__ = ["Document", "parse_value", "read_document"]


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads ``1e-8`` as a number, as YAML 1.2 does."""


_Loader.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789"))


class Document:
    """The content of a YAML file and the line of each of its keys.

    Attributes
    ----------
    content : dict
    lines : dict
        (key, key, ...) -> line, from 1.
    name : str
        How messages call the file.
    """

    def __init__(self, content: dict[str, Any], lines: dict[tuple[str, ...], int], name: str) -> None:
        self.content, self.lines, self.name = content, lines, name

    def where(self, *keys: object) -> str:
        """``file:line`` of a key, or of its nearest parent."""
        path = tuple(str(k) for k in keys)
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


def read_document(path: str | Path) -> Document:
    """Read a YAML mapping.

    Raises
    ------
    DataError
        If the file is missing or not YAML.
    ConfigError
        If a key stands twice, or the file is not a mapping; file and line are named.
    """
    path = Path(path)
    name = seen_from_here(path)
    if not path.is_file():
        raise DataError("read_document", f"{path} is missing", expected="a YAML file")
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        try:
            node = loader.get_single_node()
            lines: dict[tuple[str, ...], int] = {}
            if node is not None:
                _collect(node, (), lines, name)
            content = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DataError(f"{name}{line}", f"not YAML ({problem})", expected="a mapping of keys to values") from error
    if not isinstance(content, dict):
        raise ConfigError(name, f"holds a {type(content).__name__}", expected="a mapping of keys to values")
    return Document(content, lines, name)


def parse_value(text: str) -> Any:
    """One YAML value, for ``--set key=value``.

    Examples
    --------
    >>> parse_value("[1e-3, two]")
    [0.001, 'two']
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError("--set", f"`{text}` is not YAML", expected="key=value, for example parameters.n_modes=20") from error
    finally:
        loader.dispose()


def _collect(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int], name: str) -> None:
    if isinstance(node, yaml.SequenceNode):
        for k, item in enumerate(node.value):
            lines[(*path, str(k))] = item.start_mark.line + 1
            _collect(item, (*path, str(k)), lines, name)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        line = key.start_mark.line + 1
        if here in lines:
            raise ConfigError(f"{name}:{line}", f"the key `{'.'.join(here)}` stands twice (also in line {lines[here]})", expected="each key once")
        lines[here] = line
        _collect(value, here, lines, name)
