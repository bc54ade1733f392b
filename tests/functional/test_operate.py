"""What only whoever deploys may do: the first owner, the credentials, the keys, the dead letters."""

import json
from typing import Any

import pytest
from botocore.session import get_session
from pynamodb.exceptions import PutError

from chalicelib.console import keys, rules, service
from chalicelib.redemption import sealing
from chalicelib.rulebook import store
from chalicelib.shared import callers, clock, secrets
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.config import settings
from infra import operate
from tests.functional.console_room import NOW, PASSWORD, actions, records


@pytest.fixture(autouse=True)
def deployment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "N", 2)
    monkeypatch.setattr(operate, "now", lambda: NOW)


def answers(*given: str) -> Any:
    """Stands in for the terminal's prompt."""
    told = iter(given)
    return lambda prompt: next(told)


def test_the_first_owner_is_created_once_and_can_log_in() -> None:
    with pytest.raises(SystemExit, match="differ"):
        operate.owner("ada", answers(PASSWORD, PASSWORD + "!"))
    operate.owner("ada", answers(PASSWORD, PASSWORD))
    assert service.log_in("ada", PASSWORD, "127.0.0.1", NOW).operator.role == "owner"
    with pytest.raises(SystemExit, match="exists already"):
        operate.owner("ada", answers(PASSWORD, PASSWORD))


def test_the_mini_program_s_credentials_are_stored_without_the_spaces_of_a_paste() -> None:
    operate.wechat(answers(" wx1 ", " s3cret "))
    secrets.forget()
    assert secrets.read(settings().wechat_secret) == {"appid": "wx1", "secret": "s3cret"}
    (record,) = records("wechat.set")
    assert (record.actor, record.target, record.details) == ("deployment", "wx1", {})


def test_credentials_that_could_not_be_recorded_are_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(self: AuditRecord) -> None:
        raise PutError("no answer")

    monkeypatch.setattr(AuditRecord, "save", save)
    before = secrets.read(settings().wechat_secret)
    with pytest.raises(SystemExit, match="UNAVAILABLE"):
        operate.main(["wechat"], answers("wx1", "s3cret"))
    secrets.forget()
    assert secrets.read(settings().wechat_secret) == before


def test_a_preset_is_published_only_as_the_first_version() -> None:
    assert operate.publish("tool") == "version 1 is in force"
    assert store.current(NOW).rulebook.brand.time_zone == "Asia/Shanghai"
    with pytest.raises(SystemExit, match="published already"):
        operate.publish("retail")


def test_token_keys_rotate_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    old = callers.sign_token("member", "M" + "0" * 18, NOW)
    kid = operate.token_key("add", None).split()[1]
    operate.token_key("use", kid)
    new = callers.sign_token("member", "M" + "0" * 18, NOW)
    for token in (old, new):
        callers.member_from(f"Bearer {token}", NOW)
    operate.token_key("remove", "k1")
    callers.member_from(f"Bearer {new}", NOW)
    with pytest.raises(callers.Unauthorized):
        callers.member_from(f"Bearer {old}", NOW)
    with pytest.raises(SystemExit, match="needs the key's id"):
        operate.token_key("use", None)
    audited = {action for _, action, _ in actions() if action.startswith("token-key")}
    assert audited == {"token-key.add", "token-key.use", "token-key.remove"}


def test_keys_of_codes_rotate_and_none_is_removed() -> None:
    old = sealing.seal("films", "m1", "CODE-1")
    mark = sealing.mark("films", "CODE-1")
    kid = operate.codes_key("add", None).split()[1]
    assert sealing.seal("films", "m1", "CODE-1")[0] == "k1"
    operate.codes_key("use", kid)
    new = sealing.seal("films", "m1", "CODE-1")
    assert new[0] == kid
    for key_id, sealed in (old, new):
        assert sealing.unseal("films", "m1", key_id, sealed) == "CODE-1"
    assert sealing.mark("films", "CODE-1") == mark
    with pytest.raises(SystemExit, match="needs the key's id"):
        operate.codes_key("use", None)
    for unknown in ("current", "k9"):
        with pytest.raises(keys.KeyUnknown):
            operate.codes_key("use", unknown)
    assert {action for _, action, _ in actions() if action.startswith("codes-key")} == {
        "codes-key.add",
        "codes-key.use",
    }


def queues(sqs: Any, queue: str, **attributes: str) -> tuple[str, str]:
    """The queue and its dead-letter queue."""
    stem, dot, suffix = queue.partition(".")
    names = [f"membership-{settings().stage}-{stem}{part}{dot}{suffix}" for part in ("", "-dead")]
    made = [sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"] for name in names]
    return made[0], made[1]


@pytest.mark.parametrize(
    ("queue", "attributes", "shown"), [("orders.fifo", {"FifoQueue": "true"}, 10), ("metrics", {}, 12)]
)
def test_dead_letters_are_shown_with_their_reason_and_sent_back(
    queue: str, attributes: dict[str, str], shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = get_session().create_client("sqs")
    url, dead_url = queues(sqs, queue, **attributes)
    for number in range(12):
        fifo = {"MessageGroupId": f"m{number % 3}", "MessageDeduplicationId": str(number)} if attributes else {}
        reason = {"reason": {"DataType": "String", "StringValue": "MEMBER_UNKNOWN"}} if number else {}
        sqs.send_message(QueueUrl=dead_url, MessageBody=f"body {number}", MessageAttributes=reason, **fifo)
    for _ in range(2):  # looking takes nothing
        assert operate.dead(sqs, queue) == f"{shown} of 12 messages shown"
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {line["body"] for line in lines} <= {f"body {n}" for n in range(12)}
        assert len(lines) == shown
        assert sum(line["reason"] == "MEMBER_UNKNOWN" for line in lines) == shown - 1
    assert operate.redrive(sqs, queue) == f"12 messages sent back to {queue}"
    assert operate.redrive(sqs, queue) == f"0 messages sent back to {queue}"
    # Looking is no change, nor is sending back nothing.
    (record,) = records("queue.redrive")
    assert (record.actor, record.target, record.details) == ("deployment", queue, {"messages": 12})
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted == {"ApproximateNumberOfMessages": "12"}


def test_the_command_line_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ([], ["fly"], ["publish", "poker"], ["dead", "journal"], ["token-key", "steal"]):
        with pytest.raises(SystemExit) as refused:
            operate.main(wrong)
        assert refused.value.code == 2
    assert "usage: make operate" in capsys.readouterr().err
