"""Drafts, versions and the version in force, on moto."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.rulebook import items, linter, store
from chalicelib.rulebook.model import load
from chalicelib.shared.dynamo import encode_cursor
from chalicelib.shared.errors import BadCursor, InvalidFields, NotFound
from tests.functional.console_room import NOW, actions, document, publish, records
from tests.harness.meter import Meter

ADA, BOB = "operator:ada", "operator:bob"
LATER = NOW + timedelta(days=7)
MOMENT = timedelta(milliseconds=1)


pytestmark = pytest.mark.usefixtures("aws")


def stored(kind: str) -> list[int]:
    return sorted(int(item.version) for item in items.DocumentItem.query(kind))


# In force -----------------------------------------------------------------------------------------------------------


def test_a_published_draft_is_in_force_at_once_and_leaves_an_audit_record() -> None:
    draft = store.save_draft(document(), ADA, NOW)
    published = store.publish(draft, None, BOB, {}, NOW)
    assert published.version == 1
    assert store.current(NOW) == published
    assert published.rulebook == load(document())
    assert actions() == {(ADA, "rulebook.draft.save", "draft 1"), (BOB, "rulebook.publish", "version 1")}


def test_nothing_is_in_force_before_the_first_version_takes_effect() -> None:
    with pytest.raises(store.NothingPublished) as refusal:
        store.current(NOW)
    assert (refusal.value.status, refusal.value.retryable) == (503, True)
    publish(effective_at=LATER)
    with pytest.raises(store.NothingPublished):
        store.current(LATER - MOMENT)
    assert store.current(LATER).version == 1


def test_a_planned_version_takes_effect_at_its_instant_and_not_a_moment_earlier() -> None:
    publish()
    publish({"points_per_yuan_value": 50}, effective_at=LATER)
    assert store.current(LATER - MOMENT).version == 1
    assert store.current(LATER).version == 2
    assert store.planned(NOW) == [(2, LATER)]
    assert store.planned(LATER) == []


def test_a_planned_version_survives_a_change_that_takes_effect_before_it() -> None:
    publish()
    publish(effective_at=LATER)
    assert publish() == 3
    assert store.current(LATER - MOMENT).version == 3
    assert store.current(LATER).version == 2


def test_a_planned_version_is_replaced_by_another_for_the_same_instant() -> None:
    publish()
    publish(effective_at=LATER)
    publish(effective_at=LATER)
    assert store.current(LATER).version == 3


def test_the_instant_may_be_now_but_not_before() -> None:
    draft = store.save_draft(document(), ADA, NOW)
    with pytest.raises(InvalidFields, match="effective_at"):
        store.publish(draft, NOW - MOMENT, ADA, {}, NOW)
    assert store.publish(draft, NOW, ADA, {}, NOW).version == 1


def test_instants_finer_than_the_stored_millisecond_are_in_force_at_once() -> None:
    now = datetime(2026, 11, 24, 3, 0, 0, 999_999, tzinfo=UTC)
    publish(now=now)
    store.forget()
    assert store.current(now).version == 1


def test_the_schedule_stays_small_and_older_versions_stay_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_PAST", 2)
    for _ in range(5):
        publish()
    schedule = items.read_schedule()
    assert schedule is not None
    assert [number for number, _ in schedule.plan] == [3, 4, 5]
    store.forget()
    assert store.at(1).version == 1


def test_however_much_is_planned_the_version_in_force_stays_so() -> None:
    publish()
    for number in range(store.MAX_COMING):
        draft = store.save_draft(document(), ADA, NOW)
        store.publish(draft, LATER + timedelta(days=number), ADA, {}, NOW)
    with pytest.raises(store.TooManyPlanned):
        store.publish(store.save_draft(document(), ADA, NOW), LATER, ADA, {}, NOW)
    store.forget()
    assert store.current(NOW).version == 1
    assert store.current(LATER + timedelta(days=3)).version == 5
    later = LATER + timedelta(days=100)
    store.publish(store.save_draft(document(), ADA, later), None, ADA, {}, later)
    store.forget()
    assert store.current(later).version == store.MAX_COMING + 2


# The cache ----------------------------------------------------------------------------------------------------------


class Watch:
    """The machine's clock, by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(store, "monotonic", watch)
    return watch


def test_a_warm_container_reads_nothing_for_five_seconds_and_then_one_small_item(watch: Watch, meter: Meter) -> None:
    publish()
    store.forget()
    meter.calls.clear()
    store.current(NOW)
    assert meter.calls == {"GetItem": 2}  # the schedule and the document, once a container
    for _ in range(20):
        store.current(NOW)
    watch.seconds += store.REVALIDATE_SECONDS - 0.001
    store.current(NOW)
    assert meter.calls == {"GetItem": 2}
    watch.seconds += 0.001
    store.current(NOW)
    store.current(NOW)
    assert meter.calls == {"GetItem": 3}  # the schedule alone: the document is known by its number


def test_a_version_published_by_another_container_is_seen_after_five_seconds(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    store.current(NOW)
    ours = store._cache
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(store, "_cache", store._Cache())
        publish({"points_per_yuan_value": 50})
    assert store._cache is ours
    watch.seconds += store.REVALIDATE_SECONDS - 0.001
    assert store.current(NOW).version == 1
    watch.seconds += 0.001
    assert store.current(NOW).rulebook.points_per_yuan_value == 50


def test_a_first_version_is_seen_without_waiting() -> None:
    with pytest.raises(store.NothingPublished):
        store.current(NOW)
    with_other_container = store._cache
    store._cache = store._Cache()
    publish()
    store._cache = with_other_container
    assert store.current(NOW).version == 1


def test_only_the_last_few_parsed_documents_are_kept() -> None:
    for _ in range(store._PARSED_VERSIONS + 2):
        publish()
    assert len(store._cache.parsed) == store._PARSED_VERSIONS
    assert store.at(1).version == 1


# Publishers at the same moment --------------------------------------------------------------------------------------


def together(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Results, or the refusals raised, of jobs started at the same moment."""
    results: list[Any] = [None] * len(jobs)
    barrier = threading.Barrier(len(jobs))

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = jobs[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_concurrent_publications_leave_no_gap_and_no_lost_version() -> None:
    drafts = [store.save_draft(document(), ADA, NOW) for _ in range(6)]
    results = together([lambda d=draft: store.publish(d, None, ADA, {}, NOW) for draft in drafts])  # type: ignore[misc]
    won = sorted(r.version for r in results if not isinstance(r, Exception))
    lost = [r for r in results if isinstance(r, Exception)]
    assert {type(error) for error in lost} <= {store.PublishedMeanwhile}
    assert won
    assert won == list(range(1, len(won) + 1)) == stored(items.VERSION)
    assert len(records("rulebook.publish")) == len(won)
    store.forget()
    assert store.current(NOW).version == won[-1]


def test_a_publisher_who_read_an_old_schedule_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    publish()
    stale = items.read_schedule()
    publish()
    draft = store.save_draft(document(), BOB, NOW)
    monkeypatch.setattr(items, "read_schedule", lambda: stale)
    with pytest.raises(store.PublishedMeanwhile):
        store.publish(draft, None, BOB, {}, NOW)
    monkeypatch.undo()
    assert stored(items.VERSION) == [1, 2]
    assert store.draft(draft).published_as is None
    assert len(records("rulebook.publish")) == 2


def test_the_schedule_alone_stops_a_publisher_when_the_number_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    publish()
    draft = store.save_draft(document(), BOB, NOW)
    schedule = items.read_schedule()
    assert schedule is not None
    schedule.newest = 7  # as if versions 2–7 had been published: number 9 is free, the schedule is not as read
    monkeypatch.setattr(items, "read_schedule", lambda: schedule)
    with pytest.raises(store.PublishedMeanwhile):
        store.publish(draft, None, BOB, {}, NOW)
    assert stored(items.VERSION) == [1]


def test_a_draft_saved_while_it_was_being_published_is_not_published_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    number = store.save_draft(document(), ADA, NOW)
    seen = store.draft(number)
    store.change_draft(number, {**document(), "points_per_yuan_value": 50}, 1, BOB, NOW)
    monkeypatch.setattr(store, "draft", lambda _: seen)
    with pytest.raises(store.PublishedMeanwhile):
        store.publish(number, None, ADA, {}, NOW)
    assert stored(items.VERSION) == []


def test_a_draft_is_published_once() -> None:
    draft = store.save_draft(document(), ADA, NOW)
    store.publish(draft, None, ADA, {}, NOW)
    with pytest.raises(store.DraftPublished) as refusal:
        store.publish(draft, None, ADA, {}, NOW)
    assert refusal.value.details == [{"version": 1}]


# Checks -------------------------------------------------------------------------------------------------------------


def test_a_refused_document_is_not_published_and_says_why() -> None:
    draft = store.save_draft({**document(), "expiry": {"valid_months": 5}}, ADA, NOW)
    with pytest.raises(store.RulebookRefused) as refusal:
        store.publish(draft, None, ADA, {}, NOW)
    assert any(detail["field"].startswith("expiry") for detail in refusal.value.details)
    assert stored(items.VERSION) == []


def test_a_document_that_is_no_rulebook_may_be_drafted_but_not_published() -> None:
    draft = store.save_draft({"brand": "?"}, ADA, NOW)
    with pytest.raises(store.RulebookRefused):
        store.publish(draft, None, ADA, {}, NOW)
    assert store.review({"brand": "?"}, NOW).publishable is False


def test_a_switched_off_guard_rail_needs_its_phrase_and_the_phrase_is_kept() -> None:
    content = {**document(), "guard_rails": {"no_gifts": False}}
    required = dict(linter.required_confirmations(load(content)))
    assert set(required) == {"no_gifts"}
    draft = store.save_draft(content, ADA, NOW)
    for typed in ({}, {"no_gifts": required["no_gifts"] + " "}, {"no_gifts": ""}, {"other": required["no_gifts"]}):
        with pytest.raises(store.ConfirmationMissing) as refusal:
            store.publish(draft, None, ADA, typed, NOW)
        assert refusal.value.details[0]["phrase"] == required["no_gifts"]
    assert stored(items.VERSION) == []
    store.publish(draft, None, ADA, required, NOW)
    (record,) = records("rulebook.publish")
    assert record.details["confirmations"] == required


# Rolling back -------------------------------------------------------------------------------------------------------


def test_a_roll_back_publishes_the_older_document_as_a_new_version() -> None:
    publish({"points_per_yuan_value": 50})
    publish({"points_per_yuan_value": 200})
    rolled = store.rollback(1, BOB, NOW)
    assert (rolled.version, rolled.rulebook.points_per_yuan_value) == (3, 50)
    assert store.current(NOW) == rolled
    assert store.version_record(3).origin == "version 1"
    assert (BOB, "rulebook.publish", "version 3") in actions()


def test_a_roll_back_confirms_guard_rails_again_and_passes_todays_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {**document(), "guard_rails": {"no_gifts": False}}
    required = dict(linter.required_confirmations(load(content)))
    store.publish(store.save_draft(content, ADA, NOW), None, ADA, required, NOW)
    publish()
    with pytest.raises(store.ConfirmationMissing):
        store.rollback(1, BOB, NOW)
    assert store.rollback(1, BOB, NOW, required).version == 3
    refused = store.review({**document(), "expiry": {"valid_months": 5}}, NOW).findings
    monkeypatch.setattr(linter, "lint_document", lambda *_: refused)
    with pytest.raises(store.RulebookRefused):
        store.rollback(2, BOB, NOW)


def test_rolling_back_to_a_version_that_never_was_is_refused() -> None:
    with pytest.raises(store.VersionUnknown):
        store.rollback(1, ADA, NOW)


# Drafts and lists ---------------------------------------------------------------------------------------------------


def test_an_editor_who_read_an_older_revision_is_told() -> None:
    number = store.save_draft(document(), ADA, NOW)
    changed = store.change_draft(number, {"a": 1}, 1, ADA, NOW)
    assert changed.revision == 2
    with pytest.raises(store.DraftChanged):
        store.change_draft(number, {"b": 1}, 1, BOB, NOW)
    assert store.draft(number) == changed


def test_published_and_unknown_drafts_cannot_be_changed() -> None:
    publish()
    with pytest.raises(store.DraftPublished):
        store.change_draft(1, document(), 1, ADA, NOW)
    with pytest.raises(store.DraftUnknown):
        store.change_draft(2, document(), 1, ADA, NOW)


def test_drafts_saved_at_the_same_moment_all_get_numbers_of_their_own() -> None:
    results = together([lambda: store.save_draft(document(), ADA, NOW) for _ in range(3)])
    assert sorted(results) == [1, 2, 3]


def test_versions_are_listed_newest_first_page_by_page() -> None:
    for _ in range(5):
        publish()
    seen: list[int] = []
    cursor: str | None = None
    for size in (2, 2, 1):
        page, cursor = store.versions(2, cursor)
        assert len(page) == size
        seen += [version.version for version in page]
    assert (seen, cursor) == ([5, 4, 3, 2, 1], None)
    assert [draft.published_as for draft in store.drafts(5, None)[0]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "key", [{"before": "5"}, {"before": 0}, {"before": 10**9}, {"before": 1.5}, {"after": 5}, [5], 5, {"before": [5]}]
)
def test_cursors_we_did_not_issue_are_refused(key: Any) -> None:
    with pytest.raises(BadCursor):
        store.versions(2, encode_cursor(key))


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.0", "", "٣", "1000000000"])
def test_what_is_no_number_finds_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        store.number_in(text)
