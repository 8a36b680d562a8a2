"""What two or more scorers did on the same rows, added up: all that the paired tests need, and no row of a customer.

A row's wins by a score are twice the rows of the other class that have a lower one, and once those that have the same:
whole numbers, so that their sums are exact in whatever order. ``churnobs.comparison`` makes DeLong's test of them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import ibis

from churnobs.expressions.datasets import KEY_TYPES, SCORED
from churnobs.expressions.performance import CLIP
from churnobs.expressions.portable import finite, moment, table, united
from churnobs.expressions.scores import bounded, exactly, unit_cell

if TYPE_CHECKING:
    import ibis.expr.types as ir

MODEL, RECENCY = "MODEL", "RECENCY"
KEYS: Final = ("CUSTOMER_KEY", "TIMESTAMP")


def floors(as_ofs: tuple[dt.date, ...], roles: tuple[str, ...]) -> ir.Table:
    """What roles predicted at as-ofs against both floors: the recency rule's ranking, and the base rate's log loss.

    Args:
        as_ofs: as-ofs whose labels are final.
        roles: whose stored predictions (BASE, DEFAULT, CHALLENGER); rows without one do not count.

    Returns:
        ROLE, TIMESTAMP, and of those who churned (UP_) and stayed (DOWN_): ROWS_COUNTED, WINS_MODEL, WINS_RECENCY, SQUARES
        (sum of squared differences of wins), SURPRISE and SURPRISE_SQUARES (sums of the model's log loss in nats and of its
        square).
    """
    at = [moment(as_of) for as_of in as_ofs]
    labels = table("LABELS", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", "CHURNED": "int64"})
    features = table(
        "FEATURES", {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)", "DAYS_SINCE_LAST_PURCHASE": "int64"}
    )
    predictions = table("PREDICTIONS", {**KEY_TYPES, **{f"{role}_PROBABILITY": "float64" for role in roles}})
    rows = labels.filter(labels.TIMESTAMP.isin(at))
    rows = rows.inner_join(features.filter(features.TIMESTAMP.isin(at)), list(KEYS), rname="F_{name}")
    rows = rows.inner_join(predictions.filter(predictions.TIMESTAMP.isin(at)), list(KEYS), rname="P_{name}")
    # after the joins: what is read once for each role is then joined once
    rows = rows.filter(rows.DAYS_SINCE_LAST_PURCHASE.notnull())
    parts = [
        rows.select(
            "TIMESTAMP",
            "CHURNED",
            ROLE=ibis.literal(role),
            MODEL=finite(rows[f"{role}_PROBABILITY"]),
            RECENCY=rows.DAYS_SINCE_LAST_PURCHASE,
        )
        for role in roles
    ]
    parts = [part.filter(part.MODEL.notnull()) for part in parts]
    by = ("ROLE", "TIMESTAMP")
    # days are few: each row takes its wins by them, then a row for each score is enough
    days = _won(_counted(united(parts), (*by, "RECENCY")), by, "RECENCY")
    levels = united([_levels(part, days, within=("TIMESTAMP",) if len(as_ofs) > 1 else ()) for part in parts])
    sums: dict[str, Any] = {}
    for side, score in (("UP", levels.MODEL), ("DOWN", 1.0 - levels.MODEL)):
        by_model, by_recency = levels[f"{side}_WON"], levels[f"{side}_RECENCY"]
        surprise = -ibis.ifelse(score < CLIP, CLIP, ibis.ifelse(score > 1.0 - CLIP, 1.0 - CLIP, score)).ln()
        sums |= {
            f"{side}_ROWS_COUNTED": levels[side].sum(),
            f"{side}_WINS_MODEL": (levels[side] * by_model).sum(),
            f"{side}_WINS_RECENCY": by_recency.sum(),
            f"{side}_APART": (_squared(levels, side) - 2 * by_model * by_recency).sum(),
            f"{side}_SURPRISE": (exactly(surprise) * levels[side]).sum().cast("float64"),
            f"{side}_SURPRISE_SQUARES": (exactly(surprise * surprise) * levels[side]).sum().cast("float64"),
        }
    found = levels.group_by(list(by)).agg(**sums)
    # (model - recency)^2, of which the last square is the same whatever the model said
    last = days.group_by(list(by)).agg(**{f"{side}_LAST": _squared(days, side).sum() for side in ("UP", "DOWN")})
    found = found.inner_join(last, list(by), rname="L_{name}")
    squares = {
        f"{side}_SQUARES": (found[f"{side}_APART"] + found[f"{side}_LAST"]).cast("float64") for side in ("UP", "DOWN")
    }
    return found.select(*by, *(name for name in sums if not name.endswith("_APART")), **squares)


def _levels(rows: ir.Table, days: ir.Table, *, within: tuple[str, ...]) -> ir.Table:
    """The different scores of one role, with their wins by the model, and the summed wins by recency of their rows.

    Args:
        rows: of one role.
        days: the wins by recency, of all roles.
        within: an order of all rows at once is several times faster than one within each partition.
    """
    by = ["ROLE", "TIMESTAMP"]
    wins = days.select(*by, "RECENCY", "UP_WON", "DOWN_WON")
    rows = rows.inner_join(wins, [*by, "RECENCY"], rname="D_{name}")
    up: Any = rows.CHURNED == 1
    levels = rows.group_by([*by, "MODEL"]).agg(
        UP=rows.count(where=up),
        DOWN=rows.count(where=~up),
        UP_RECENCY=rows.UP_WON.sum(where=up).coalesce(0),
        DOWN_RECENCY=rows.DOWN_WON.sum(where=~up).coalesce(0),
    )
    return _won(levels, within, "MODEL")


def _squared(levels: ir.Table, side: str) -> Any:
    """The squared wins of all rows of a level; whole numbers may outgrow 64 bits at some millions of rows."""
    rows, won = levels[side], levels[f"{side}_WON"]
    return rows.cast("decimal(19, 0)") * (won * won).cast("decimal(19, 0)")


def _counted(rows: ir.Table, by: tuple[str, ...]) -> ir.Table:
    """UP and DOWN: how many churned and how many stayed, by some columns."""
    return rows.group_by(list(by)).agg(UP=rows.count(where=rows.CHURNED == 1), DOWN=rows.count(where=rows.CHURNED != 1))


def _won(levels: ir.Table, by: tuple[str, ...], score: str) -> ir.Table:
    """Levels of a score with UP and DOWN, and UP_WON and DOWN_WON: the wins of a row there that churned, or that stayed."""
    upto = ibis.cumulative_window(group_by=[levels[name] for name in by], order_by=levels[score])
    return levels.mutate(
        UP_WON=(2 * levels.DOWN.sum().over(upto) - levels.DOWN).cast("int64"),
        DOWN_WON=(2 * levels.UP.sum().over(upto) - levels.UP).cast("int64"),
    )


def meeting(roles: tuple[str, ...], pairs: tuple[tuple[str, str], ...], calibrated: str, cells: int) -> ir.Table:
    """How versions met on the rows of the table CHURNOBS_SCORED: CHURNED, and ROLE_CLASS and ROLE_PROBABILITY of each.

    Args:
        roles: who met; a row without all probabilities does not count.
        pairs: who is compared with whom.
        calibrated: whose scores are counted in cells.
        cells: so many, of equal width, between 0 and 1.

    Returns:
        CHURNED, ROLE_CLASS of each role, CELL, ROWS_COUNTED, WINS_ROLE of each role, SQUARES_FIRST_SECOND of each pair
        (sum of squared differences of wins), and of the ``calibrated``: LOW, HIGH (least and largest score) and SCORE_TOTAL.
    """
    kinds = {
        f"{role}_{what}": kind for role in roles for what, kind in (("CLASS", "int64"), ("PROBABILITY", "float64"))
    }
    rows = table(SCORED, {"CHURNED": "int64", **kinds})
    classes = [f"{role}_CLASS" for role in roles]
    rows = rows.select("CHURNED", *classes, **{role: finite(rows[f"{role}_PROBABILITY"]) for role in roles})
    rows = rows.filter(*(rows[role].notnull() for role in roles))
    rows = rows.mutate(BOUNDED=bounded(rows[calibrated]))
    rows = rows.mutate(CELL=unit_cell(rows.BOUNDED, cells))
    won = rows
    for role in roles:
        levels = _won(_counted(rows, (role,)), (), role)
        won = won.inner_join(levels.select(role, "UP_WON", "DOWN_WON"), role, rname="L_{name}")
        wins: Any = ibis.ifelse(won.CHURNED == 1, won.UP_WON, won.DOWN_WON)
        kept = (name for name in won.columns if name not in {"UP_WON", "DOWN_WON"})
        won = won.select(*kept, **{f"WINS_{role}": wins})
    return won.group_by(["CHURNED", *classes, "CELL"]).agg(
        ROWS_COUNTED=won.count(),
        **_sums(won, roles, pairs),
        LOW=won[calibrated].min(),
        HIGH=won[calibrated].max(),
        SCORE_TOTAL=exactly(won.BOUNDED).sum().cast("float64"),
    )


def _sums(rows: ir.Table, scorers: tuple[str, ...], pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    sums: dict[str, Any] = {f"WINS_{name}": rows[f"WINS_{name}"].sum() for name in scorers}
    for first, second in pairs:
        apart = rows[f"WINS_{first}"] - rows[f"WINS_{second}"]
        # whole numbers may outgrow 64 bits at some millions of rows
        sums[f"SQUARES_{first}_{second}"] = (apart * apart).sum().cast("float64")
    return sums
