"""The deployable zip: complete without this machine, lean, and the same every time."""

import json
import marshal
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType

import pytest

from app import app
from infra import generate, package
from infra.access import ACCESS
from infra.app_stack import handlers
from tests.packaging.conftest import Loaded, guarded_routes

UNCHECKED_HASH = 0b01  # PEP 552: by hash, and the source is never looked at
NEEDLESS = {"boto3", "moto", "pytest", "tests", "infra", "hypothesis", "mypy"}


@pytest.mark.parametrize("function", handlers(app))
def test_a_handler_imports_from_the_package_alone(loaded: dict[str, Loaded], function: str) -> None:
    # `loaded` has imported it and found its attribute, or failed.
    assert "chalicelib" in loaded[function].modules
    assert not loaded[function].modules & NEEDLESS


@pytest.mark.parametrize("function", handlers(app))
def test_a_function_has_no_table_whose_model_it_cannot_even_load(loaded: dict[str, Loaded], function: str) -> None:
    assert set(ACCESS[function].tables) <= loaded[function].tables


@pytest.mark.parametrize("function", [name for name in handlers(app) if guarded_routes(name)])
def test_every_route_of_a_function_refuses_a_stranger_in_our_shape(loaded: dict[str, Loaded], function: str) -> None:
    answers = loaded[function].answers
    assert set(answers) == {f"{method} {path}" for method, path in guarded_routes(function)}
    for route, answer in answers.items():
        assert (route, answer["statusCode"]) == (route, 401)
        assert json.loads(answer["body"])["error"]["code"] == "UNAUTHORIZED"
        assert answer["headers"]["X-Request-Id"] == "a-request"


@pytest.mark.parametrize("function", [name for name in handlers(app) if guarded_routes(name)])
def test_no_function_loads_cryptography_before_it_opens_a_code(loaded: dict[str, Loaded], function: str) -> None:
    assert "cryptography" not in loaded[function].modules
    assert "jwt" in loaded[function].modules


def test_the_package_is_within_its_size_and_holds_nothing_needless(package_zip: Path, unzipped: Path) -> None:
    assert package_zip.stat().st_size <= package.MAX_ZIP_BYTES
    assert not {path.name for path in unzipped.rglob("*")} & NEEDLESS
    kept = {path.name for path in (unzipped / "botocore/data").iterdir() if path.is_dir()}
    assert kept == package.SERVICES


def test_every_module_has_bytecode_that_is_never_checked(unzipped: Path) -> None:
    sources = set(unzipped.rglob("*.py"))
    compiled = set(unzipped.rglob("*.pyc"))
    assert {Path(cache_from_source(str(path))) for path in sources} == compiled
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled}
    assert flags == {UNCHECKED_HASH}


def test_native_code_runs_on_the_oldest_system_of_the_functions(unzipped: Path) -> None:
    # Python 3.11 runs on Amazon Linux 2, whose C library is 2.26.
    native = list(unzipped.rglob("*.so"))
    assert {"_rust.abi3.so"} <= {path.name for path in native}
    for path in native:
        asked = re.findall(rb"GLIBC_2\.([0-9]+)", path.read_bytes())
        assert max(map(int, asked)) <= 26, path.name


def _code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)


def test_nothing_in_the_package_names_this_machine(unzipped: Path) -> None:
    for path in unzipped.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for place in (package.ROOT, Path(sys.prefix)):
            assert f"{place}/".encode() not in content, path
        if path.suffix == ".pyc":
            compiled = marshal.loads(content[16:])  # noqa: S302
            assert not [code for code in _code(compiled) if code.co_filename.startswith("/")], path


def test_the_same_input_gives_the_same_bytes(
    package_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Chalice keeps the dependencies it collected in its project folder: copied, they are not fetched again.
    shutil.copytree(package.BUILD / "project", tmp_path / "project")
    monkeypatch.setattr(package, "BUILD", tmp_path)
    again, _ = package.build()
    assert again != package_zip
    assert again.read_bytes() == package_zip.read_bytes()


def test_only_run_time_files_are_named_in_the_zip(package_zip: Path) -> None:
    with zipfile.ZipFile(package_zip) as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert [Path(name) for name in names] == sorted(Path(name) for name in names)
    assert not [name for name in names if name.startswith(("/", "..")) or ".." in Path(name).parts]


@pytest.mark.parametrize("path", generate.documents())
def test_a_generated_file_is_not_stale(path: str) -> None:
    assert (generate.ROOT / path).read_text(encoding="utf-8") == generate.documents()[path]
