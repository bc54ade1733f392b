"""Points as cash, read aloud."""

from collections.abc import Iterator

from chalicelib.rulebook.model import Rulebook
from chalicelib.rulebook.phrases import Item, money, plural


def cash(rulebook: Rulebook) -> Iterator[Item]:
    """What points pay of an order; nothing where they do not."""
    of, name = rulebook.redemption.cash, rulebook.brand.points_name
    if of is None:
        return
    tiers = [(rulebook.tier(code).name, percent) for code, percent in of.by_tier.items()]
    zh = f"积分抵现：{name.zh}最多可抵订单金额的 {of.max_percent}%"
    en = f"{name.en[0].upper()}{name.en[1:]} pay for at most {of.max_percent} % of an order"
    if tiers:
        zh += f"（{'、'.join(f'{tier.zh} {percent}%' for tier, percent in tiers)}）"
        en += f" ({', '.join(f'{tier.en} {percent} %' for tier, percent in tiers)})"
    zh += f"，以 {of.step_points} {name.zh}为一档"
    en += f", in steps of {of.step_points}"
    if of.min_points:
        zh += f"，每单至少使用 {of.min_points} {name.zh}"
        en += f", at least {of.min_points} an order"
    if of.min_order_fen:
        zh += f"，订单满 {money(of.min_order_fen)} 元可用"
        en += f", on orders of {money(of.min_order_fen)} yuan or more"
    yield Item("cash", f"{zh}。", f"{en}.")
    counts_zh, counts_en = ("也", "earns and counts as spending too") if of.earns else ("不", "does not earn")
    yield Item(
        "cash_holds",
        f"下单时预占{name.zh}，最长 {of.hold_minutes} 分钟，未支付自动退回；退款时抵现的{name.zh}退回原批次；"
        f"抵现部分{counts_zh}计消费和{name.zh}。",
        f"They are held while the order is being paid, for at most {plural(of.hold_minutes, 'minute')}, and go back by "
        f"themselves if it is not; what is refunded goes back to its lots; what was paid with them {counts_en}.",
    )
