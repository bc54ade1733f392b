from tests.harness.api import Api


def test_smoke(api: Api) -> None:
    m = api.log_in()
    r = api.order(m, 10000)
    print(r)
    assert r.status == 200
    r = api.call("GET", "/v1/me", token=m.token)
    print(r)
    assert r.status == 200
