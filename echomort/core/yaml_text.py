"""YAML that a person wrote: a key that is there twice, and a value that can't be (31 June), are errors."""

from typing import Any

import yaml
from yaml.constructor import ConstructorError

TIMESTAMP = "tag:yaml.org,2002:timestamp"
"""YAML's name of a day or a time."""

INTEGER, FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
"""YAML's names of a whole number and of one with a decimal point."""


class _Loader(yaml.SafeLoader):
    """Plain values alone, each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise ConstructorError(None, None, f"the key {key.value} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            problem = f"{node.value} is no day" if node.tag == TIMESTAMP else "a value can't be read"
            raise ConstructorError(None, None, problem, node.start_mark) from None

    def construct_number(self, node: yaml.ScalarNode) -> int | float | str:
        """Return 010 as ten and 1:30 as the text that it is, as YAML 1.2 does; YAML 1.1 has 8 and 90."""
        if ":" in node.value:
            return str(node.value)
        if node.tag == FLOAT:
            return self.construct_yaml_float(node)
        is_decimal = node.value.lstrip("+-").replace("_", "").isdecimal()
        return int(node.value.replace("_", "")) if is_decimal else self.construct_yaml_int(node)


for _number in (INTEGER, FLOAT):
    _Loader.add_constructor(_number, _Loader.construct_number)


def read_yaml(text: str | bytes) -> Any:
    """Return the value of ``text``, in bytes UTF-8 or UTF-16. Raises :class:`yaml.YAMLError`, whose ``problem``, if it
    has one, says what is wrong."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise yaml.YAMLError from None
