"""The package and the templates as they would be deployed, made once a session."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.shared.edge import CONTRACTS, anonymous
from infra import app_stack, data_stack, package
from infra.app_stack import handlers, http_function, room_of

Template = dict[str, Any]
PROBE = Path(__file__).with_name("probe.py")


@pytest.fixture(scope="session")
def package_zip() -> Path:
    """The deployable zip."""
    return package.build()[0]


@pytest.fixture(scope="session")
def unzipped(package_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's content in a folder of its own."""
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(package_zip) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def app_template() -> Template:
    """The app stack as it is handed to CloudFormation."""
    return app_stack.prune(package.build()[1], "a-bucket", "code/package.zip")


@pytest.fixture(scope="session")
def data_template() -> Template:
    """The data stack."""
    return data_stack.template()


@dataclass(frozen=True)
class Loaded:
    """What a function is, once Lambda has imported its handler: `answers` of its routes without credentials, the top
    names of its `modules`, the logical `tables` of the PynamoDB models it holds."""

    answers: dict[str, Any]
    modules: set[str]
    tables: set[str]


@pytest.fixture(scope="session")
def loaded(unzipped: Path) -> dict[str, Loaded]:
    """function → what it is in a fresh interpreter that sees the package and the standard library alone."""
    return {function: _load(unzipped, function, handler) for function, handler in handlers(app).items()}


def guarded_routes(function: str) -> list[tuple[str, str]]:
    """(method, path) of the function's routes that ask for credentials."""
    return [
        (method, path)
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if http_function(room_of(entry.view_function)) == function
        and CONTRACTS[f"{entry.view_function.__module__}.{entry.view_function.__name__}"].auth != anonymous
    ]


def _load(folder: Path, function: str, handler: str) -> Loaded:
    # -I and -S: no environment paths, no site-packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(PROBE), str(folder), handler, json.dumps(guarded_routes(function))],
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "cn-north-1", "STAGE": "test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{handler}:\n{done.stderr}"
    found = json.loads(done.stdout.splitlines()[-1])
    return Loaded(found["answers"], set(found["modules"]), set(found["tables"]))
