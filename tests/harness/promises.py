"""Whether an answer is one the OpenAPI document promises: its status, its headers, its body."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from jsonschema import Draft202012Validator, FormatChecker


class Answered(Protocol):
    """What came back; `tests.harness.api.Reply` is one."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> Any: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class Promises:
    """The document, asked about answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), item) for path, item in document["paths"].items()]

    def broken(self, method: str, path: str, answered: Answered) -> list[str]:
        """What the answer to `method path` has that was not promised; empty when every word was kept."""
        operation = self.operation(method, path)
        if operation is None:
            return [f"{method} {path} is not in the document"]
        responses = operation["responses"]
        promised = responses.get(str(answered.status)) or responses.get(f"{answered.status // 100}XX")
        if promised is None:
            return [f"{method} {path} answers {answered.status}, which is not in the document"]
        promised = self.resolved(promised)
        schema = promised["content"]["application/json"]["schema"]
        return self._header_problems(promised["headers"], answered.headers) + self.problems(schema, answered.body)

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document has of a call, query and all."""
        for pattern, item in self._paths:
            if pattern.fullmatch(path.partition("?")[0]) and method.lower() in item:
                return dict(item[method.lower()])
        return None

    def operation_ids(self) -> set[str]:
        """Every operation of the document."""
        return {item[method]["operationId"] for _, item in self._paths for method in item if method != "parameters"}

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node a reference stands for, or the node itself."""
        while "$ref" in node:
            found: Any = self._document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            node = found
        return node

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """How the value breaks a schema of the document."""
        whole = {**schema, "components": self._document["components"]}
        checking = Draft202012Validator(whole, format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in checking.iter_errors(value)]

    def _header_problems(self, promised: dict[str, Any], given: Mapping[str, str]) -> list[str]:
        given = {name.lower(): value for name, value in given.items()}
        found = []
        for name, reference in promised.items():
            header, value = self.resolved(reference), given.get(name.lower())
            if value is None:
                found += [f"no header {name}"] if header.get("required") else []
            else:
                parsed = int(value) if header["schema"]["type"] == "integer" else value
                found += [f"{name}: {problem}" for problem in self.problems(header["schema"], parsed)]
        undeclared = "idempotency-replayed" in given and "Idempotency-Replayed" not in promised
        return found + (["Idempotency-Replayed is not in the document"] if undeclared else [])
