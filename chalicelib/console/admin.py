"""HTTP for operators: the rulebook's drafts and versions, merchants' keys, the audit trail."""

from chalice.app import Blueprint

from chalicelib.console import keys, trail
from chalicelib.console.schemas import (
    AuditList,
    AuditOut,
    AuditQuery,
    CurrentOut,
    DocumentIn,
    Done,
    DraftChangeIn,
    DraftList,
    DraftOut,
    DraftSummary,
    FindingsOut,
    MerchantKeyList,
    MerchantKeyOut,
    NewMerchantKeyOut,
    PublishIn,
    RollbackIn,
    VersionList,
    VersionOut,
    VersionSummary,
)
from chalicelib.rulebook import store
from chalicelib.shared.edge import Call, endpoint, operators
from chalicelib.shared.schemas import Empty, PageQuery

admin = Blueprint(__name__)

_READERS = operators("operator", "analyst", "support")
_EDITORS = operators("operator")
_OWNERS = operators()


@admin.route("/v1/admin/rulebook", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=CurrentOut)
def current(call: Call) -> CurrentOut:
    """The rulebook in force, and what is planned"""
    version = store.version_record(store.current(call.now).version)
    return CurrentOut.now(version, store.planned(call.now))


@admin.route("/v1/admin/rulebook/versions", methods=["GET"])
@endpoint(admin, auth=_READERS, query=PageQuery, answer=VersionList)
def versions(call: Call) -> VersionList:
    """Published versions, newest first"""
    page, cursor = store.versions(call.query.limit, call.query.cursor)
    return VersionList(items=[VersionSummary.of(version) for version in page], next_cursor=cursor)


@admin.route("/v1/admin/rulebook/versions/{version}", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=VersionOut)
def version(call: Call) -> VersionOut:
    """One version with its document"""
    return VersionOut.of(store.version_record(store.number_in(call.path["version"])))


@admin.route("/v1/admin/rulebook/drafts", methods=["GET"])
@endpoint(admin, auth=_READERS, query=PageQuery, answer=DraftList)
def drafts(call: Call) -> DraftList:
    """Drafts, newest first"""
    page, cursor = store.drafts(call.query.limit, call.query.cursor)
    return DraftList(items=[DraftSummary.of(draft) for draft in page], next_cursor=cursor)


@admin.route("/v1/admin/rulebook/drafts", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=DocumentIn, answer=DraftOut, status=201)
def save_draft(call: Call) -> DraftOut:
    """Save a new draft, valid or not"""
    actor = call.operator.name
    return DraftOut.of(store.draft(store.save_draft(call.body.document, actor, call.now)))


@admin.route("/v1/admin/rulebook/drafts/{draft}", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=DraftOut)
def draft(call: Call) -> DraftOut:
    """One draft with its document"""
    return DraftOut.of(store.draft(store.number_in(call.path["draft"])))


@admin.route("/v1/admin/rulebook/drafts/{draft}", methods=["PUT"])
@endpoint(admin, auth=_EDITORS, body=DraftChangeIn, answer=DraftOut)
def change_draft(call: Call) -> DraftOut:
    """Save a draft again"""
    actor, number = call.operator.name, store.number_in(call.path["draft"])
    return DraftOut.of(store.change_draft(number, call.body.document, call.body.revision, actor, call.now))


@admin.route("/v1/admin/rulebook/validate", methods=["POST"])
@endpoint(admin, auth=_READERS, body=DocumentIn, answer=FindingsOut)
def validate(call: Call) -> FindingsOut:
    """What publishing this document would say; nothing is kept"""
    return FindingsOut.of(store.review(call.body.document, call.now))


@admin.route("/v1/admin/rulebook/publish", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=PublishIn, answer=VersionSummary)
def publish(call: Call) -> VersionSummary:
    """Publish a draft as the next version"""
    actor, body = call.operator.name, call.body
    published = store.publish(body.draft, body.effective_at, actor, body.confirmations, call.now)
    return VersionSummary.of(store.version_record(published.version))


@admin.route("/v1/admin/rulebook/rollback", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=RollbackIn, answer=VersionSummary)
def rollback(call: Call) -> VersionSummary:
    """Publish an older version's document again, at once"""
    actor = call.operator.name
    published = store.rollback(call.body.version, actor, call.now, call.body.confirmations)
    return VersionSummary.of(store.version_record(published.version))


@admin.route("/v1/admin/merchant-keys", methods=["GET"])
@endpoint(admin, auth=_OWNERS, answer=MerchantKeyList)
def merchant_keys(call: Call) -> MerchantKeyList:
    """The merchant keys that are valid, without their secrets"""
    return MerchantKeyList(items=[MerchantKeyOut.of(key) for key in keys.merchant_keys()])


@admin.route("/v1/admin/merchant-keys", methods=["POST"])
@endpoint(admin, auth=_OWNERS, body=Empty, answer=NewMerchantKeyOut, status=201)
def create_merchant_key(call: Call) -> NewMerchantKeyOut:
    """Create a merchant key; at most two are valid at once"""
    return NewMerchantKeyOut.of(keys.add_merchant_key(call.operator.name, call.now))


@admin.route("/v1/admin/merchant-keys/{key_id}", methods=["DELETE"])
@endpoint(admin, auth=_OWNERS, answer=Done)
def delete_merchant_key(call: Call) -> Done:
    """End a merchant key"""
    keys.delete_merchant_key(call.path["key_id"], call.operator.name, call.now)
    return Done()


@admin.route("/v1/admin/audit", methods=["GET"])
@endpoint(admin, auth=_READERS, query=AuditQuery, answer=AuditList)
def audit_trail(call: Call) -> AuditList:
    """What operators did on one day, newest first"""
    day = call.query.day or call.now.date()
    page, cursor = trail.page(day, call.query.limit, call.query.cursor)
    return AuditList(items=[AuditOut.of(record) for record in page], next_cursor=cursor)
