"""A member's notices, as they are answered."""

from chalicelib.shared.schemas import Response, Text


class ReceiptView(Response):
    """One attempt to deliver the notice. The inbox delivers when the notice is written."""

    channel: str
    at: str
    outcome: str


class NoticeView(Response):
    """`kind` and `cause` are those of the entry that asked for the notice. `read_at` is null until it is read."""

    notice_id: str
    kind: str
    cause: str
    at: str
    title: Text
    body: Text
    channels: list[ReceiptView]
    read_at: str | None


class NoticesAnswer(Response):
    items: list[NoticeView]
    next_cursor: str | None
