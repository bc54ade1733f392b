"""Run by `conftest.py` in an interpreter that sees only the package and the standard library: imports one handler as
Lambda does, calls its routes without credentials, and prints what it found as one line of JSON."""

import importlib
import json
import sys


def event(method, path):
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": dict.fromkeys(names, "x"),
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"resourcePath": path, "httpMethod": method, "requestId": "a-request", "identity": {}},
    }


folder, handler, routes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path[:] = [folder, *(place for place in sys.path if place != sys.path[0])]
module, _, attribute = handler.rpartition(".")
function = getattr(importlib.import_module(module), attribute)
answers = {f"{method} {path}": function(event(method, path), None) for method, path in routes}

from pynamodb.models import Model  # noqa: E402

tables, left = set(), Model.__subclasses__()
while left:
    model = left.pop()
    left += model.__subclasses__()
    if hasattr(model, "Meta"):
        tables.add(model.Meta.table_name.rsplit("-", 1)[-1])
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"answers": answers, "modules": modules, "tables": sorted(tables), "callable": callable(function)}))
