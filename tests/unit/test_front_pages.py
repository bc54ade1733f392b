"""The reference page of the local front: whole, and from nowhere else."""

import json
import re
from collections.abc import Iterator

import pytest
import urllib3

from infra.generate import ROOT
from infra.local.front import Front


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """A front whose cloud is not there: these pages need none."""
    with Front(0, "http://127.0.0.1:9", "api") as running:
        yield running


def get(front: Front, path: str) -> tuple[str, str]:
    answer = urllib3.request("GET", front.url + path, retries=False)
    assert answer.status == 200, path
    return answer.headers["content-type"], answer.data.decode()


def test_the_document_is_served_as_it_is_committed(front: Front) -> None:
    kind, text = get(front, "/openapi.json")
    assert kind == "application/json"
    assert text == (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert json.loads(text)["openapi"] == "3.1.0"


def test_the_page_shows_the_document_with_the_script_beside_it(front: Front) -> None:
    kind, page = get(front, "/docs")
    assert kind == "text/html; charset=utf-8"
    assert '<redoc spec-url="/openapi.json"' in page
    assert "会员系统 API · Membership API" in page
    for path in re.findall(r'(?:src|spec-url)="([^"]+)"', page):
        get(front, path)


def test_the_script_is_redoc(front: Front) -> None:
    kind, script = get(front, "/redoc.standalone.js")
    assert kind == "text/javascript; charset=utf-8"
    assert "e.Redoc=" in script[:500]
    assert len(script) > 500_000


def test_nothing_is_loaded_from_another_host(front: Front) -> None:
    """The script names a picture elsewhere, as the page's policy must keep it from being fetched."""
    page, document, script = (get(front, path)[1] for path in ("/docs", "/openapi.json", "/redoc.standalone.js"))
    assert "//" not in re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    assert re.findall(r"https?://\w[\w.]+", document) == []
    assert "https://cdn." in script
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]+)"', page)
    sources = {word for directive in policy.split(";") for word in directive.split()[1:]}
    assert policy.startswith("default-src 'self';")
    assert sources == {"'self'", "'unsafe-inline'", "data:", "blob:"}


def test_the_policy_stands_before_anything_it_is_to_keep_out(front: Front) -> None:
    page = get(front, "/docs")[1]
    assert page.index("Content-Security-Policy") < min(map(page.index, ("<link", "<style", "<script")))
