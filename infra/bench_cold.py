"""Cold starts: fresh interpreters that see the unzipped package and the standard library alone, as Lambda does.

CPU seconds, medians of interleaved rounds. `-B` because Lambda's code folder is read-only: what is compiled at one cold
start is compiled again at the next.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from app import app
from infra import package
from infra.app_stack import handlers

ROUNDS = 7
# What any Chalice function that talks to DynamoDB has to do before its first call. boto3 is a layer above botocore and
# would make it slower; it is not in the package.
BARE = """
from chalice import Chalice
Chalice(app_name="bare")
from botocore.session import get_session
get_session().create_client("dynamodb")
"""
FUNCTION = """
import importlib
module, _, attribute = "{handler}".rpartition(".")
getattr(importlib.import_module(module), attribute)
"""
CLIENT = """
from chalicelib.shared import dynamo
dynamo._connection().client
"""


def medians(snippets: Mapping[str, tuple[Path, str]]) -> dict[str, float]:
    """name → median CPU seconds of the snippet in its folder."""
    found: dict[str, list[float]] = {name: [] for name in snippets}
    for _ in range(ROUNDS):
        for name, (folder, snippet) in snippets.items():
            found[name].append(_seconds(folder, snippet))
    return {name: median(seconds) for name, seconds in found.items()}


def _seconds(folder: Path, snippet: str) -> float:
    program = f"import sys, time; sys.path.insert(0, {str(folder)!r}); start = time.process_time()\n{snippet}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program + "print(time.process_time() - start)"],
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", "STAGE": "bench"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _unzip(target: Path) -> Path:
    with zipfile.ZipFile(package.build()[0]) as archive:
        archive.extractall(target)
    return target


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _zipped(folder: Path) -> int:
    return Path(shutil.make_archive(str(folder), "zip", folder)).stat().st_size


def functions(folder: Path) -> list[tuple[str, float]]:
    """(function, its cold start ÷ the bare one)."""
    own = _unzip(folder / "own")
    starts = {f: (own, FUNCTION.format(handler=handler) + CLIENT) for f, handler in handlers(app).items()}
    found = medians({"bare": (own, BARE), **starts})
    return [(function, found[function] / found["bare"]) for function in starts]


def bytecode(folder: Path) -> dict[str, float]:
    """Ratios of size and cold import, of the package with its own bytecode to others."""
    own, none, perfect = (_unzip(folder / f"{name}-bytecode") for name in ("own", "no", "perfect"))
    for tree in (none, perfect):
        for compiled in tree.rglob("*.pyc"):
            compiled.unlink()
    # As on a developer's machine: compiled where it lies, valid while the source keeps its date.
    compileall.compile_dir(perfect, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP, workers=0)
    snippet = FUNCTION.format(handler=handlers(app)["MembersHttp"])
    found = medians({name: (tree, snippet) for name, tree in (("own", own), ("none", none), ("perfect", perfect))})
    return {
        "unzipped size ÷ without bytecode": _bytes(own) / _bytes(none),
        "zipped size ÷ without bytecode": _zipped(own) / _zipped(none),
        "cold import ÷ without bytecode": found["own"] / found["none"],
        "cold import ÷ compiled in place": found["own"] / found["perfect"],
    }
