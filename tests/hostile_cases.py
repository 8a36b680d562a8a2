"""What a hostile case is: an act through the public interface, a clear answer, and a database that goes on after it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loops import recipe, write_world

import churnobs
from churnobs import Alert, ChurnobsError, LifecycleConfig, Never, Workspace

WALL_CLOCK = {"JOURNAL": "SECONDS, STATEMENTS"}
HEADER = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
# what loading sales of one month adds to
LOADED = frozenset({"SALES", "CUSTOMER_KEYS", "FILES_INGESTED"})
# a month may have begun: whatever is there, it has to come to what an undisturbed run comes to
ANYTHING = frozenset({"*"})
Print = Mapping[str, tuple[int, Any]]


def config(**changes: Any) -> LifecycleConfig:
    """A loop that is cheap: one linear model, and nothing that retrains."""
    return LifecycleConfig(trainer=recipe(), policy=Never(), alerts=(Alert("low", "roc_auc", below=1.01),), **changes)


def fingerprint(workspace: Workspace) -> Print:
    """Everything a database holds but for the wall clock: table -> its number of rows and a hash of them."""
    named = workspace.sql(
        "SELECT table_name AS NAME FROM information_schema.tables WHERE table_schema = 'main' AND table_type = 'BASE TABLE'"
    ).collect()
    parts = []
    for name in sorted(row["NAME"] for row in named):
        quoted = '"' + name.replace('"', '""') + '"'
        left_out = f" EXCLUDE ({WALL_CLOCK[name]})" if name in WALL_CLOCK else ""
        label = name.replace("'", "''")
        parts.append(
            f"SELECT '{label}' AS T, count(*) AS N, sum(hash(t)) AS H FROM (SELECT *{left_out} FROM {quoted}) AS t"
        )
    return {row["T"]: (row["N"], row["H"]) for row in workspace.sql(" UNION ALL ".join(parts)).collect()}


def changed(before: Print, after: Print) -> set[str]:
    """The tables in which two databases differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@dataclass(frozen=True)
class Template:
    """A database with some finished months, the files of the next ones, and what it holds now and a good month later."""

    folder: Path
    months: int
    now: Print
    later: Print

    @property
    def next_number(self) -> int:
        """The next month of 2024."""
        return self.months + 1


def make(folder: Path, months: int, spoil: Callable[[Path], None] | None = None) -> Template:
    """A template: a small world, run for so many months, and once more with the month after."""
    files = write_world(folder / "files", customers=40, months=months + 2)
    if spoil is not None:
        spoil(files)
    place = folder / "retail.duckdb"
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(config(), source=files).run(months)
        now = fingerprint(workspace)
    later = folder / "later.duckdb"
    shutil.copy(place, later)
    with churnobs.connect(f"duckdb:{later}", threads=1) as workspace:
        workspace.lifecycle(config(), source=files).run(1)
        after = fingerprint(workspace)
    return Template(files, months, now, after)


@dataclass
class Shop:
    """A copy of a template to be hostile to."""

    template: Template
    tmp: Path
    path: Path
    folder: Path
    opened: list[Workspace] = field(default_factory=list)

    @property
    def ws(self) -> Workspace:
        """The workspace, opened when it is first asked for."""
        if not self.opened:
            self.opened.append(churnobs.connect(f"duckdb:{self.path}", threads=1))
        return self.opened[-1]

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def loop(self, source: Path | None = None, **changes: Any) -> Any:
        return self.ws.lifecycle(config(**changes), source=source)

    def good(self, kind: str = "sales", number: int = 0) -> Path:
        """A file of the next good month, as it should be."""
        return self.template.folder / f"{kind}_2024_{number or self.template.next_number}.csv"

    def put(self, content: bytes | str, name: str = "sales_2024_2.csv") -> Path:
        """Write a file of the next month."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def sales(self, *rows: str) -> Path:
        """Sales of the next month: two good rows, then the given ones."""
        good = ["G1,C00001,2024-02-03,false,1,card,5.5", "G2,C00002,2024-02-04,true,2,cash,6.25"]
        return self.put(HEADER + "\n".join([*good, *rows]) + "\n")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.ws.sql(query).collect()]

    def stored(self, table: str, column: str, value: Any) -> int:
        """In how many rows a value stands literally."""
        return [row[column] for row in self.ws.table(table).collect()].count(value)


@dataclass(frozen=True)
class Case:
    """One hostile act.

    Args:
        act: does it; where it is right, it also checks the values that come of it.
        error: the class that must refuse it; None where it is right.
        says: words of the message: what is named, and the way out.
        changes: the tables that may hold something new.
        base: which template it is done to.
    """

    name: str
    act: Callable[[Shop], Any]
    error: type[ChurnobsError] | None = None
    says: tuple[str, ...] = ()
    changes: frozenset[str] = frozenset()
    base: str = "young"
    long: bool = False


class Cases(list[Case]):
    """A table of cases with names."""

    def refused(self, error: type[ChurnobsError], *says: str, base: str = "young", long: bool = False) -> Any:
        def added(act: Callable[[Shop], Any]) -> Callable[[Shop], Any]:
            self.append(Case(act.__name__, act, error, says, base=base, long=long))
            return act

        return added

    def right(self, *changes: str, base: str = "young", long: bool = False) -> Any:
        def added(act: Callable[[Shop], Any]) -> Callable[[Shop], Any]:
            self.append(Case(act.__name__, act, changes=frozenset(changes), base=base, long=long))
            return act

        return added

    def params(self, share: int = 1) -> list[Any]:
        """The cases for pytest; all but each ``share``-th are left to ``make check-long``, as are those that are slow."""
        assert len({case.name for case in self}) == len(self)
        slow = [case.long or n % share > 0 for n, case in enumerate(self)]
        return [
            pytest.param(c, id=c.name, marks=[pytest.mark.long] if late else [])
            for c, late in zip(self, slow, strict=True)
        ]


def examine(case: Case, shop: Shop) -> None:
    """Do it, judge the answer, then open the database anew: nothing else in it, and the next good month runs."""
    try:
        if case.error is None:
            case.act(shop)
        else:
            judge(case, shop)
    finally:
        shop.close()
    go_on(shop, case.changes)


def judge(case: Case, shop: Shop) -> None:
    """A refusal is of the class that was promised, names the thing and ends with the way out, in one printable text."""
    assert case.error is not None
    assert case.says
    with pytest.raises(ChurnobsError) as caught:
        case.act(shop)
    said = str(caught.value)
    assert type(caught.value) is case.error, said
    for words in case.says:
        assert words in said
    assert caught.value.hint or "expected" in said, f"no way out: {said}"
    assert len(said) < 3100, "a message is read by people"
    said.encode()  # no half characters
    assert all(c.isprintable() or c == "\n" for c in said), repr(said)


def go_on(shop: Shop, may_change: frozenset[str]) -> None:
    """The database opens again, holds what it held or what was rightly added, and goes on with the next good month."""
    template = shop.template
    with churnobs.connect(f"duckdb:{shop.path}", threads=1) as workspace:
        now = fingerprint(workspace)
        differ = changed(template.now, now)
        assert may_change >= ANYTHING or differ <= may_change, sorted(differ - may_change)
        month = f"2024-{template.next_number:02d}"
        if may_change >= ANYTHING:
            _finish(workspace, template)
            return
        loaded = workspace.sql(
            f"SELECT 1 FROM FILES_INGESTED WHERE FILE_TYPE = 'sales' AND MONTH = {template.next_number}"
        )
        if loaded.count():
            # the case's own file is the next month
            (report,) = workspace.lifecycle(config()).run(1)
            more = workspace.ingest(shop.good(number=template.next_number + 1))
            assert more.files[0].status == "loaded"
        else:
            (report,) = workspace.lifecycle(config(), source=template.folder).run(1)
            if now == template.now:
                assert changed(template.later, fingerprint(workspace)) == set()
        assert report.month == month


def _finish(workspace: Workspace, template: Template) -> None:
    """Whatever was begun ends as if nothing had happened; what a correction took away stays away."""
    loop = workspace.lifecycle(config(), source=template.folder)
    while len(loop.journal.finished()) <= template.months:
        loop.run(1)
    if not workspace.table("FORGOTTEN").count():
        assert changed(template.later, fingerprint(workspace)) == set()


@contextmanager
def copied(template: Template, tmp: Path) -> Iterator[Shop]:
    """A shop of its own."""
    path, folder = tmp / "retail.duckdb", tmp / "in"
    folder.mkdir()
    for suffix in ("", ".published"):
        shutil.copy(template.folder.parent / f"retail.duckdb{suffix}", f"{path}{suffix}")
    shop = Shop(template, tmp, path, folder)
    try:
        yield shop
    finally:
        shop.close()


# what would be seen to work if any page, statement, terminal or spreadsheet took it for more than a text
HTML = "<script>alert(1)</script><img src=x onerror=alert(2)>"
SQL = "'; DROP TABLE SALES; --"
HOSTILE = f'{HTML} {SQL} "q" **bold** [x](http://evil) [/red] {{{{7*7}}}} \x1b[2J \u202e =cmd()'
# customers get these names, the likeliest to leave among them
IDS = (f"{HTML}", f"C{SQL}", "C\u202e\u200b🛒", "[/bold] **C** `x`", '=cmd|"/c calc"!A1', "C\x1b[2J\t\n")


def spoil(files: Path) -> None:
    """Put hostile texts into every text column of a world's files, and hostile ids in the place of some customers'."""
    for path in sorted(files.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = list(csv.reader(file))
        for row in rows:
            for at, name in enumerate(head):
                if name == "CUSTOMER_ID":
                    number = int(row[at].lstrip("C") or 0)
                    row[at] = IDS[number % len(IDS)] + f" {number}" if number % 2 else row[at]
                elif name in {"COMMENT", "CUSTOMER_SEGMENT", "LOCATION", "PAYMENT_METHOD", "GENDER"} and row[at]:
                    row[at] = f"{row[at]} {HOSTILE}"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])
