"""`python -m infra.package STAGE`: the deployable zip and the app stack's template, in `.build/`.

`chalice package` collects the code and its pinned dependencies and writes the template; then the zip is made again:
botocore's data pruned to the services used (it is most of the size), and bytecode added that is never checked against
its source. Chalice dates every file 1980 and ships no bytecode for dependencies, so Lambda would compile everything
anew at each cold start. The same input gives the same zip, byte for byte.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from infra import app_stack

ROOT = Path(__file__).parent.parent
BUILD = ROOT / ".build"
MAX_ZIP_BYTES = 50 * 1024 * 1024
SERVICES = {"dynamodb", "secretsmanager", "sns", "sqs", "sts"}
BOTOCORE_DATA = {"endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json"}
# Loaded by nothing at run time; pip's own metadata stays because importlib.metadata may ask for it.
NEVER = ("tests", "__pycache__")


def source_digest() -> str:
    """What the package depends on: code, pins, and how it is made."""
    found = hashlib.sha256(sys.version.encode())
    paths = [ROOT / "app.py", ROOT / "requirements.txt", *sorted((ROOT / "infra").glob("*.py"))]
    for path in [*paths, *sorted((ROOT / "infra/generated").glob("*.json")), *sorted((ROOT / "chalicelib").rglob("*"))]:
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def build() -> tuple[Path, dict[str, Any]]:
    """The zip and the template (its CodeUri still local). Built only when something changed."""
    digest = source_digest()
    zip_path, template_path = BUILD / f"{digest}.zip", BUILD / f"{digest}.json"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        # Two builds in one checkout would share their folders.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(zip_path, template_path)
    template: dict[str, Any] = json.loads(template_path.read_text())
    return zip_path, template


def _build(zip_path: Path, template_path: Path) -> None:
    if not (zip_path.exists() and template_path.exists()):
        packaged = _chalice_package()
        tree = _tree(packaged / "deployment.zip")
        _zip(tree, zip_path)
        shutil.copy(packaged / "sam.json", template_path)


def _chalice_package() -> Path:
    """Runs `chalice package` on a copy that holds nothing but run-time code; dependencies stay cached beside it."""
    project, output = BUILD / "project", BUILD / "chalice"
    for stale in (project / "chalicelib", output):
        shutil.rmtree(stale, ignore_errors=True)
    ignore = shutil.ignore_patterns(*NEVER)
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=ignore)
    (project / ".chalice").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".chalice/config.json", project / ".chalice/config.json")
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, project / name)
    command = [str(Path(sys.executable).with_name("chalice")), "package", "--stage", "template"]
    merge = ROOT / "infra/generated/merge.json"
    # Chalice asks for a region it does not use: the template names it by pseudo parameter.
    done = subprocess.run(
        [*command, "--merge-template", str(merge), str(output)],
        cwd=project,
        env={"AWS_DEFAULT_REGION": "us-east-1", **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"chalice package failed:\n{done.stdout}{done.stderr}")
    return output


def _tree(chalice_zip: Path) -> Path:
    tree = BUILD / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    with zipfile.ZipFile(chalice_zip) as archive:
        archive.extractall(tree)
    data = tree / "botocore" / "data"
    for entry in data.iterdir():
        if entry.name not in SERVICES | BOTOCORE_DATA:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for service in SERVICES:
        # Examples, waiters and paginators are documentation and helpers nobody here calls.
        for entry in (data / service).rglob("*"):
            if entry.is_file() and not entry.name.startswith(("service-2", "endpoint-rule-set")):
                entry.unlink()
    _compile(tree)
    return tree


def _compile(tree: Path) -> None:
    """Bytecode beside every source. In a fresh interpreter, one file after the other, with a fixed hash seed: sets and
    shared strings come out in the order in which a process happened to meet them, and the zip would differ."""
    # -s keeps this machine's paths out of the bytecode.
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(tree), "--invalidation-mode", "unchecked-hash"]
    if subprocess.run([*command, str(tree)], env={**os.environ, "PYTHONHASHSEED": "0"}, check=False).returncode:
        raise SystemExit("some module does not compile")


def _zip(tree: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(str(path.relative_to(tree)), (1980, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, path.read_bytes())
    if partial.stat().st_size > MAX_ZIP_BYTES:
        raise SystemExit(f"the package is {partial.stat().st_size} bytes; the limit is {MAX_ZIP_BYTES}")
    partial.rename(target)


def main(stage: str) -> None:
    """Leaves `.build/<stage>/package.zip` and `app.json`."""
    started = time.monotonic()
    zip_path, template = build()
    target = BUILD / stage
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(zip_path, target / "package.zip")
    pruned = app_stack.prune(template, "BUCKET", f"code/{zip_path.name}")
    (target / "app.json").write_text(json.dumps(pruned, indent=1, ensure_ascii=False))
    size = zip_path.stat().st_size / 1024 / 1024
    print(f"package: {target}/package.zip {size:.1f} MB, app.json ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main(sys.argv[1])
