"""Functions of arrays, objects and texts of JSON over the rows of a table, against plain Python."""

from __future__ import annotations

import json
from collections import Counter

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

ROWS = [([1, 2, 2, 10], [2, 3]), (["b", "a", None, "a"], ["a", "c"]), ([], [1]), (None, [])]


def without(left: list, right: list) -> list:
    """Left without right, each element as often as it is left over."""
    gone, kept = Counter(map(str, right)), []
    for one in left:
        if gone[str(one)]:
            gone[str(one)] -= 1
        else:
            kept.append(one)
    return kept


def shared(left: list, right: list) -> list:
    """What left has in common with right, each element as often as both have it."""
    there, kept = Counter(map(str, right)), []
    for one in left:
        if there[str(one)]:
            there[str(one)] -= 1
            kept.append(one)
    return kept


def ordered(given: list) -> list:
    """Numbers by size, texts by letters, NULL last."""
    known = [one for one in given if one is not None]
    return sorted(known) + [None] * (len(given) - len(known))


EXPECTED = {
    "ARRAY_APPEND(a, 5)": lambda a, _b: [*a, 5],
    "ARRAY_PREPEND(a, 'x')": lambda a, _b: ["x", *a],
    "ARRAY_CAT(a, b)": lambda a, b: a + b,
    "ARRAY_COMPACT(a)": lambda a, _b: [one for one in a if one is not None],
    "ARRAY_DISTINCT(a)": lambda a, _b: list(dict.fromkeys(a)),
    "ARRAY_EXCEPT(a, b)": without,
    "ARRAY_INTERSECTION(a, b)": shared,
    "ARRAY_SLICE(a, 1, 3)": lambda a, _b: a[1:3],
    "ARRAY_SLICE(a, 0, -1)": lambda a, _b: a[0:-1],
    "ARRAY_SORT(a)": lambda a, _b: ordered(a),
    "ARRAY_REVERSE(a)": lambda a, _b: a[::-1],
    "ARRAY_INSERT(a, 1, 'x')": lambda a, _b: [*a[:1], *[None] * (1 - len(a)), "x", *a[1:]],
    "ARRAY_REMOVE(a, 2)": lambda a, _b: [one for one in a if one != 2],
    "ARRAY_REMOVE_AT(a, -1)": lambda a, _b: a[:-1],
    "ARRAY_FLATTEN(ARRAY_CONSTRUCT(a, b))": lambda a, b: None if a is None else a + b,
    "ARRAY_SORT(ARRAY_DISTINCT(ARRAY_COMPACT(ARRAY_CAT(a, a))))": lambda a, _b: sorted(
        {one for one in a if one is not None}
    ),
    "TO_ARRAY(a)": lambda a, _b: a,
}


@pytest.fixture
def table(snowflake_session):
    values = ", ".join(
        f"({at}, {'NULL' if a is None else repr(json.dumps(a))}, '{json.dumps(b)}')" for at, (a, b) in enumerate(ROWS)
    )
    snowflake_session.sql(
        f"CREATE TABLE t AS SELECT column1 AS k, PARSE_JSON(column2) AS a, PARSE_JSON(column3) AS b FROM VALUES {values}"
    ).collect()
    return snowflake_session


def test_arrays_of_a_table(table) -> None:
    found = table.sql(f"SELECT {', '.join(EXPECTED)} FROM t ORDER BY k").collect()
    for (text, function), column in zip(EXPECTED.items(), zip(*found, strict=True), strict=True):
        for (a, b), value in zip(ROWS, column, strict=True):
            expected = None if a is None else function(a, b)
            assert (None if value is None else json.loads(value)) == expected, (text, a)


def test_values_of_arrays(table, sql) -> None:
    found = sql("SELECT ARRAY_MIN(a), ARRAY_MAX(a), ARRAY_POSITION(10, a), ARRAY_TO_STRING(a, '-') FROM t ORDER BY k")
    assert found == [("1", "10", 3, "1-2-2-10"), ('"a"', '"b"', None, "b-a--a"), (None, None, None, ""), (None,) * 4]
    assert sql("SELECT ARRAYS_OVERLAP(a, b), ARRAY_POSITION('a'::VARIANT, a) FROM t ORDER BY k") == [
        (True, None), (True, 1), (False, None), (None, None),
    ]  # fmt: skip
    assert sql("SELECT ARRAY_SORT(a, FALSE), ARRAY_SORT(a, TRUE, TRUE) FROM t WHERE k = 1") == [
        (json.dumps([None, "b", "a", "a"], indent=2), json.dumps([None, "a", "a", "b"], indent=2)),
    ]
    rows = sql("SELECT k, f.index, f.value FROM t, LATERAL FLATTEN(a) f")
    assert rows == [(at, n, json.dumps(one)) for at, (a, _) in enumerate(ROWS) for n, one in enumerate(a or [])]
    grouped = (
        "SELECT ARRAY_SIZE(ARRAY_DISTINCT(a)) AS n, COUNT(*) FROM t GROUP BY ARRAY_SIZE(ARRAY_DISTINCT(a)) ORDER BY 1"
    )
    assert sql(grouped) == [(0, 1), (3, 2), (None, 1)]


def test_functions_of_elements(table, sql) -> None:
    ((kept, doubled, total),) = sql(
        "SELECT FILTER(a, x -> x > 1), TRANSFORM(a, x -> x * 2), REDUCE(a, 0, (s, x) -> s + x) FROM t WHERE k = 0"
    )
    assert (json.loads(kept), json.loads(doubled), total) == ([2, 2, 10], [2, 4, 4, 20], "15")
    inner = 'PARSE_JSON(\'[{"v": 50}, {"v": 9}]\')'
    ((kept, values),) = sql(f"SELECT FILTER({inner}, x -> x:v >= 50), TRANSFORM({inner}, x -> x:v::INT + 1)")
    assert (json.loads(kept), json.loads(values)) == ([{"v": 50}], [51, 10])
    assert json.loads(sql("SELECT TRANSFORM(PARSE_JSON('[\"a\"]'), x -> x || 'z')")[0][0]) == ["az"]


def test_objects(sql) -> None:
    one = 'PARSE_JSON(\'{"b": 1, "a": 2, "Cc": 3}\')'
    ((picked, listed, keys, made, found),) = sql(
        f"SELECT OBJECT_PICK({one}, 'a', 'nope'), OBJECT_PICK({one}, ['a', 'b']), OBJECT_KEYS({one}),"
        f" ARRAYS_TO_OBJECT(['x', 'y'], [1, 'two']), GET_IGNORE_CASE({one}, 'cC')"
    )
    assert json.loads(picked) == {"a": 2}
    assert json.loads(listed) == {"a": 2, "b": 1}
    assert sorted(json.loads(keys)) == ["Cc", "a", "b"]
    assert json.loads(made) == {"x": 1, "y": "two"}
    assert found == "3"
    ((nested,),) = sql("SELECT {'a': {'b': {'c': {'d': {'e': column1}}}}} FROM VALUES (7)")
    assert json.loads(nested) == {"a": {"b": {"c": {"d": {"e": 7}}}}}
    ((moment,),) = sql("SELECT OBJECT_CONSTRUCT('at', column1::TIMESTAMP_NTZ) FROM VALUES ('2024-01-02')")
    assert json.loads(moment) == {"at": "2024-01-02 00:00:00.000"}
    assert json.loads(sql("SELECT ARRAY_CONSTRUCT(1, 'a', 2.5, NULL)")[0][0]) == [1, "a", 2.5, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: 1, 'b': [1, 2,], c: undefined}", {"a": 1, "b": [1, 2], "c": None}),
        (" [1] ", [1]),
        ("{'it': 'is \"so\"'}", {"it": 'is "so"'}),
        ("{a: {b: {c: -1.5e3}}}", {"a": {"b": {"c": -1500.0}}}),
    ],
)
def test_texts_that_are_nearly_json(snowflake_session, text: str, expected: object) -> None:
    ((value,),) = snowflake_session.sql("SELECT PARSE_JSON(column1) FROM VALUES (?)", params=[text]).collect()
    assert json.loads(value) == expected


def test_texts_that_are_not_json(sql, fails) -> None:
    for text in ("{a", "[1 2]", "nope", "{a: 1} x", "{,}"):
        assert fails(f"SELECT PARSE_JSON('{text}')")[0] == 100069, text
        assert sql(f"SELECT TRY_PARSE_JSON('{text}'), CHECK_JSON('{text}') IS NULL") == [(None, False)]
    assert sql("SELECT PARSE_JSON(''), PARSE_JSON(NULL), CHECK_JSON('{a: 1}')") == [(None, None, None)]


def test_a_variant_beside_a_column_is_read_as_the_columns_type(sql) -> None:
    row = """(SELECT PARSE_JSON('{"a": 10.5, "s": "x"}') v, 10 n, 10.5::NUMBER(10, 2) d, 'x' s, '"x"' q)"""
    compared = "v:a > n, v:a = n, v:a = d, v:s = s, v:s = q, s = v:s, v:s <> s"
    assert sql(f"SELECT {compared} FROM {row}") == [(True, False, True, True, False, True, False)]


def test_elements_by_their_place(table, sql) -> None:
    assert sql("SELECT k FROM t WHERE a[0] = 'b'") == [(1,)]
    assert sql("SELECT k, a[1] + 1, a[0] || '!' FROM t WHERE a[0] < 5 AND k = 0") == [(0, 3, "1!")]
    row = """(SELECT PARSE_JSON('{"s": "x", "n": [10]}') v, 'x' s, 9 n)"""
    assert sql(f"SELECT v['s'] = s, v['n'][0] > n, v['n'][0] = 10, v['s'] = 'y' FROM {row}") == [
        (True, True, True, False)
    ]


def test_rows_without_elements_stay_in_a_left_join(table, sql) -> None:
    rows = [(at, json.dumps(one)) for at, (a, _) in enumerate(ROWS) for one in (a or [])]
    kept = [(at, None) for at, (a, _) in enumerate(ROWS) if not a]
    found = sql("SELECT k, f.value FROM t LEFT JOIN LATERAL FLATTEN(a) f")
    assert sorted(found, key=str) == sorted(rows + kept, key=str)
    assert sorted(sql("SELECT k, f.value FROM t LEFT JOIN TABLE(FLATTEN(a)) f ON TRUE"), key=str) == sorted(
        rows + kept, key=str
    )


def test_elements_are_ordered_by_their_size(sql) -> None:
    sql(
        """CREATE TABLE e AS SELECT PARSE_JSON(column1) AS v FROM VALUES ('{"n": 9, "s": "b"}'), ('{"n": 10, "s": "a"}'), ('{}')"""
    )
    assert sql("SELECT MAX(v:n), MIN(v:n), MIN(v:s), MAX(v['n']) FROM e") == [("10", "9", '"a"', "10")]
    assert sql("SELECT v:n::INT FROM e ORDER BY v:n") == [(9,), (10,), (None,)]
    assert sql("SELECT v:n::INT FROM e ORDER BY v:n DESC NULLS LAST") == [(10,), (9,), (None,)]
    assert sql("SELECT COUNT(*) FROM e WHERE v:n IS NOT NULL GROUP BY v:n ORDER BY v:n") == [(1,), (1,)]
    assert sql("SELECT CASE v:s WHEN 'a' THEN 1 ELSE 0 END, v:n BETWEEN 10 AND 11 FROM e ORDER BY v:n") == [
        (0, False), (1, True), (0, None),
    ]  # fmt: skip
    assert sql("SELECT ROW_NUMBER() OVER (ORDER BY v:n) FROM e WHERE v:s = 'b'") == [(1,)]
