"""HTTP for operators: everybody evaluated under the rulebook in force, or counted under a draft."""

from chalice.app import Blueprint

from chalicelib.shared.edge import Call, endpoint, operators
from chalicelib.shared.schemas import Empty
from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_schemas import JobAnswer, PreviewIn

admin = Blueprint(__name__)
_READERS, _EDITORS = operators("operator", "analyst", "support"), operators("operator")


@admin.route("/v1/admin/rulebook/reevaluations", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=Empty, answer=JobAnswer, status=202)
def reevaluate(call: Call) -> JobAnswer:
    """Evaluate every member under the rulebook in force; asked again, take up what is not done"""
    return JobAnswer.of(reevaluation.reevaluate(call.operator.name, call.now))


@admin.route("/v1/admin/rulebook/previews", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=PreviewIn, answer=JobAnswer, status=202)
def preview(call: Call) -> JobAnswer:
    """Count how many members a draft would move between tiers; nothing is changed"""
    return JobAnswer.of(reevaluation.preview(call.body.draft, call.operator.name, call.now))


@admin.route("/v1/admin/rulebook/jobs/{job_id}", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=JobAnswer)
def progress(call: Call) -> JobAnswer:
    """How far an evaluation or a preview has come; a preview is kept for 90 days"""
    return JobAnswer.of(reevaluation.report(call.path["job_id"], call.now))
