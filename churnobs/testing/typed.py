"""Expressions whose answer depends on the type of what is given: dates, texts and variants, left to DuckDB's macros.

DuckDB knows the types, so nothing here guesses at them: ``cast_to_type`` gives a result the type of what was given, and where
all answers have one type, ``typeof`` decides. (Macros with an overload a type would be simpler, but an aggregate or a window
among their arguments has no type yet when DuckDB chooses.) A name in ``memory.main`` is there in every session.

A text among numbers is read as a number only after DuckDB has refused it: ``rewrite(tree, coerces=True)``.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from churnobs.testing.failures import not_supported
from churnobs.testing.formats import strptime_format
from churnobs.testing.trees import Tree, is_macro

_AUTO_MOMENTS = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y")


def _tried(formats: tuple[str, ...]) -> str:
    return ", ".join(f"try_strptime(v, '{f}')" for f in formats)


_MACROS = f"""
CREATE OR REPLACE MACRO @text(v) AS CASE typeof(v) WHEN 'VARCHAR' THEN CAST(v AS VARCHAR)
    WHEN 'DOUBLE' THEN regexp_replace(CAST(v AS VARCHAR), '\\.0$', '')
    WHEN 'FLOAT' THEN regexp_replace(CAST(v AS VARCHAR), '\\.0$', '')
    WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(v AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
    WHEN 'TIMESTAMP_NS' THEN strftime(TRY_CAST(CAST(v AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
    WHEN 'TIMESTAMP WITH TIME ZONE' THEN strftime(TRY_CAST(CAST(v AS VARCHAR) AS TIMESTAMPTZ), '%Y-%m-%d %H:%M:%S.%g +0000')
    WHEN 'JSON' THEN json_extract_string(TRY_CAST(CAST(v AS VARCHAR) AS JSON), '$')
    WHEN 'BLOB' THEN hex(TRY_CAST(v AS BLOB)) ELSE CAST(v AS VARCHAR) END;
CREATE OR REPLACE MACRO @cut(v, n) AS CASE WHEN typeof(v) IN ('VARCHAR', 'JSON') THEN left(@text(v), n)
    WHEN length(@text(v)) > n THEN error('String ''' || @text(v) || ''' is too long and would be truncated')
    ELSE @text(v) END;
CREATE OR REPLACE MACRO @is_text(v) AS typeof(v) IN ('VARCHAR', 'JSON');
CREATE OR REPLACE MACRO @is_whole(v) AS typeof(v) IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT');
CREATE OR REPLACE MACRO @is_broken(v) AS typeof(v) IN ('DOUBLE', 'FLOAT') OR typeof(v) LIKE 'DECIMAL%';
CREATE OR REPLACE MACRO @plain(v) AS trim(CAST(v AS VARCHAR), '"');
CREATE OR REPLACE MACRO @epoch(n) AS make_timestamp(CASE WHEN abs(n) < 31536000000 THEN n * 1000000
    WHEN abs(n) < 31536000000000 THEN n * 1000 WHEN abs(n) < 31536000000000000 THEN n ELSE n // 1000 END);
CREATE OR REPLACE MACRO @tried(v) AS coalesce(TRY_CAST(v AS TIMESTAMP), {_tried(_AUTO_MOMENTS)},
    @epoch(TRY_CAST(CASE WHEN regexp_full_match(v, '-?\\d+') THEN v END AS BIGINT)));
CREATE OR REPLACE MACRO @moment(v) AS CASE WHEN @is_text(v) THEN coalesce(@tried(@plain(v)), CAST(@plain(v) AS TIMESTAMP))
    WHEN @is_whole(v) THEN make_timestamp(TRY_CAST(CAST(v AS VARCHAR) AS BIGINT) * 1000000)
    WHEN @is_broken(v) THEN make_timestamp(CAST(floor(TRY_CAST(CAST(v AS VARCHAR) AS DOUBLE) * 1000000) AS BIGINT))
    ELSE CAST(CASE WHEN @is_text(v) OR @is_whole(v) OR @is_broken(v) THEN NULL ELSE v END AS TIMESTAMP) END;
CREATE OR REPLACE MACRO @moment_or_null(v) AS CASE WHEN @is_text(v) THEN @tried(@plain(v))
    ELSE TRY_CAST(CASE WHEN @is_text(v) THEN NULL ELSE v END AS TIMESTAMP) END;
CREATE OR REPLACE MACRO @date(v) AS CASE
    WHEN @is_text(v) THEN CAST(coalesce(@tried(@plain(v)), CAST(CAST(@plain(v) AS DATE) AS TIMESTAMP)) AS DATE)
    ELSE CAST(CASE WHEN @is_text(v) THEN NULL ELSE v END AS DATE) END;
CREATE OR REPLACE MACRO @date_or_null(v) AS CASE WHEN @is_text(v) THEN CAST(@tried(@plain(v)) AS DATE)
    ELSE TRY_CAST(CASE WHEN @is_text(v) THEN NULL ELSE v END AS DATE) END;
CREATE OR REPLACE MACRO @variant(v) AS CASE WHEN v IS NULL THEN NULL
    WHEN typeof(v) = 'JSON' THEN TRY_CAST(CAST(v AS VARCHAR) AS JSON)
    WHEN typeof(v) LIKE 'TIMESTAMP%' OR typeof(v) = 'BLOB' THEN to_json(@text(v))
    WHEN typeof(v) LIKE 'DECIMAL%' AND typeof(v) NOT LIKE '%,0)'
    THEN TRY_CAST(regexp_replace(CAST(v AS VARCHAR), '\\.?0+$', '') AS JSON)
    WHEN typeof(v) LIKE 'DECIMAL%' THEN TRY_CAST(CAST(v AS VARCHAR) AS JSON) ELSE to_json(v) END;
CREATE OR REPLACE MACRO @beside(v DOUBLE) AS CAST(v AS DOUBLE), (v VARCHAR) AS @variant(v), (v) AS v;
CREATE OR REPLACE MACRO @json_kind(v) AS CASE json_type(v) WHEN 'NULL' THEN 'NULL_VALUE'
    WHEN 'UBIGINT' THEN 'INTEGER' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'HUGEINT' THEN 'INTEGER'
    WHEN 'DOUBLE' THEN CASE WHEN CAST(v AS VARCHAR) ILIKE '%e%' THEN 'DOUBLE' ELSE 'DECIMAL' END ELSE json_type(v) END;
CREATE OR REPLACE MACRO @kind(v) AS CASE WHEN typeof(v) = 'JSON'
    THEN @json_kind(TRY_CAST(CAST(v AS VARCHAR) AS JSON)) ELSE @json_kind(to_json(v)) END;
CREATE OR REPLACE MACRO @to_object(v) AS CASE WHEN v IS NULL OR json_type(@variant(v)) = 'NULL' THEN NULL
    WHEN json_type(@variant(v)) = 'OBJECT' THEN @variant(v)
    ELSE error('Failed to cast variant value ' || CAST(@variant(v) AS VARCHAR) || ' to OBJECT') END;
CREATE OR REPLACE MACRO @trunc(part, v) AS cast_to_type(date_trunc(part, v), v);
CREATE OR REPLACE MACRO @later(d, i) AS cast_to_type(d + i, d);
CREATE OR REPLACE MACRO @sooner(d, i) AS cast_to_type(d - i, d);
CREATE OR REPLACE MACRO @months(d, n) AS cast_to_type(CASE WHEN last_day(d) = CAST(d AS DATE)
    THEN last_day(d + to_months(CAST(round(n) AS INTEGER))) + (d - date_trunc('day', d))
    ELSE d + to_months(CAST(round(n) AS INTEGER)) END, d);
CREATE OR REPLACE MACRO @has(v, held) AS CASE WHEN held IS NOT NULL AND v IS NOT NULL
    THEN list_contains(CAST(to_json(held) AS JSON[]), @variant(v)) END;
CREATE OR REPLACE MACRO @number(v VARCHAR) AS CAST(v AS DOUBLE), (v) AS v;
CREATE OR REPLACE MACRO @as_moment(v VARCHAR) AS @moment(v), (v) AS v;
"""
MACROS = _MACROS.replace("@", "memory.main._offline_")
TEXTS = (
    exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.CHAR, exp.DataType.Type.NVARCHAR,
    exp.DataType.Type.NCHAR,
)  # fmt: skip
DAYS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
TIMES = {"HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"}
_SHORT = {
    "Y": "YEAR", "YY": "YEAR", "YYY": "YEAR", "YYYY": "YEAR", "YR": "YEAR", "Q": "QUARTER", "QTR": "QUARTER", "MM": "MONTH",
    "MON": "MONTH", "MONS": "MONTH",
    "W": "WEEK", "WK": "WEEK", "WY": "WEEK", "D": "DAY", "DD": "DAY", "H": "HOUR", "HH": "HOUR", "HR": "HOUR", "HRS": "HOUR",
    "M": "MINUTE",
    "MI": "MINUTE", "MIN": "MINUTE", "MINS": "MINUTE", "S": "SECOND", "SEC": "SECOND", "SECS": "SECOND", "MS": "MILLISECOND",
    "MSEC": "MILLISECOND", "US": "MICROSECOND", "USEC": "MICROSECOND",
}  # fmt: skip
_COUNTED = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Sum, exp.Avg, exp.Abs, exp.Stddev, exp.Variance, exp.Round,
            exp.StddevSamp, exp.StddevPop, exp.VariancePop, exp.Median)  # fmt: skip
_DATED = (
    exp.DateAdd, exp.TimestampTrunc, exp.DateTrunc, exp.AddMonths, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.DayOfWeek,
    exp.DayOfYear, exp.DateDiff, exp.LastDay,
)  # fmt: skip
# what reads a number or a date as its text
TEXTED = (
    exp.Pad, exp.Left, exp.Right, exp.Substring, exp.Upper, exp.Lower, exp.Replace, exp.SplitPart, exp.Reverse, exp.Repeat,
    exp.Initcap, exp.RegexpReplace, exp.RegexpExtract, exp.RegexpLike, exp.RegexpCount, exp.StrPosition, exp.Strtok,
    exp.Split, exp.Translate, exp.MD5,
)  # fmt: skip
_SPELLED = (exp.Column, exp.Substring, exp.SplitPart, exp.RegexpExtract, exp.RegexpReplace, exp.Replace, exp.Trim, exp.Left,
            exp.Right)  # fmt: skip


def macro(name: str, *args: Tree) -> exp.Anonymous:
    """A call of one of this package's macros.

    A macro's text repeats its arguments. One that is a macro's call itself is named first, lest calls in calls grow without end.
    """
    mark = exp.to_identifier("_given", quoted=True)
    named: list[Tree] = []
    given: list[Tree] = []
    for argument in args:
        if any(is_macro(one) for one in argument.find_all(exp.Anonymous)):
            named.append(argument)
            place = exp.Literal.number(len(named))
            given.append(exp.Anonymous(this="struct_extract", expressions=[exp.Column(this=mark.copy()), place]))
        else:
            given.append(argument)
    made = exp.Anonymous(this=f"memory.main._offline_{name}", expressions=given)
    if not named:
        return made
    rows = exp.Anonymous(this="list_value", expressions=[exp.Anonymous(this="row", expressions=named)])
    each = exp.Lambda(this=made, expressions=[mark])
    listed = exp.Anonymous(this="list_transform", expressions=[rows, each])
    return exp.Anonymous(this="list_extract", expressions=[listed, exp.Literal.number(1)])


def rewrite(tree: Tree, *, coerces: bool) -> None:
    """Put the rules of this module into a tree, innermost first."""
    for node in reversed(list(tree.find_all(exp.Expr))):
        if node.parent is None:
            continue
        if coerces and isinstance(node, _COUNTED):
            _numbers(node)
        if coerces and isinstance(node, _DATED):
            _moments(node)
        if coerces and isinstance(node, TEXTED) and not (isinstance(node.this, exp.Literal) and node.this.is_string):
            node.set("this", macro("text", node.this.copy()))
        # TRY_CAST is a kind of Cast
        if (rule := _RULES.get(type(node))) is not None and (made := rule(node)) is not None:
            node.replace(made)


def _numbers(node: Tree) -> None:
    """A text among numbers is read as one."""
    for key in ("this", "expression"):
        operand = node.args.get(key)
        if isinstance(operand, _SPELLED):
            operand.replace(macro("number", operand.copy()))


def _later(start: Tree, amounts: list[tuple[Tree, str]], *, back: bool) -> Tree:
    made = exp.cast(start.copy(), "TIMESTAMP") if isinstance(start, exp.Literal) and start.is_string else start.copy()
    for amount, unit in amounts:
        interval = exp.Interval(this=amount.copy(), unit=exp.var(unit))
        if unit in TIMES:  # a date and hours are a timestamp
            made = exp.Paren(this=(exp.Sub if back else exp.Add)(this=made, expression=interval))
        else:
            made = macro("sooner" if back else "later", made, interval)
    return made


def _sum(node: Any) -> Tree | None:
    left, right = node.this, node.expression
    if isinstance(right, exp.Interval) and not isinstance(left, exp.Interval):
        return _later(left, _amounts(right), back=isinstance(node, exp.Sub))
    if isinstance(left, exp.Interval) and isinstance(node, exp.Add) and not isinstance(right, exp.Interval):
        return _later(right, _amounts(left), back=False)
    return None


def _amounts(interval: exp.Interval) -> list[tuple[Tree, str]]:
    """The parts of an interval: INTERVAL '1 day, 2 hours'."""
    unit, amount = interval.args.get("unit"), interval.this
    if unit is not None:
        return [(amount, _unit(unit.name))]
    found = re.findall(r"\s*([+-]?\d+)\s*([a-z]+)?\s*(?:,|$)", amount.name, re.IGNORECASE)
    return [(exp.Literal.string(number), _unit(word or "second")) for number, word in found]


def _unit(word: str) -> str:
    upper = word.upper()
    made = _SHORT.get(upper) or upper.removesuffix("S")
    if made not in DAYS | TIMES:
        raise not_supported(f"the interval unit {word}", "use years to microseconds")
    return made


def _added(node: Any) -> Tree | None:
    unit = node.args.get("unit")
    name = _unit(unit.name) if unit is not None else "DAY"
    amount = node.expression
    if isinstance(amount, exp.Interval):
        return _later(node.this, _amounts(amount), back=False)
    if not (isinstance(amount, exp.Literal) and not amount.is_string and amount.name.isdigit()):
        whole = exp.cast(exp.Anonymous(this="round", expressions=[amount.copy()]), "BIGINT")
        amount = exp.Paren(this=whole)
    return _later(node.this, [(amount, name)], back=False)


def _months(node: Any) -> Tree:
    return macro("months", node.this.copy(), node.expression.copy())


def _listed(node: Any) -> Tree | None:
    """LISTAGG of nothing is an empty text."""
    whole = node
    while isinstance(whole.parent, exp.WithinGroup | exp.Filter | exp.Window) and whole.parent.this is whole:
        whole = whole.parent
    whole.replace(exp.Coalesce(this=whole.copy(), expressions=[exp.Literal.string("")]))
    return None


def _truncated(node: Any) -> Tree | None:
    unit = node.args["unit"].name.upper()
    given = node.this.copy()
    if isinstance(given, exp.Literal) and given.is_string:
        given = exp.cast(given, "TIMESTAMP")
    return macro("trunc", exp.Literal.string(_unit(unit).lower()), given)


def _cast(node: Any) -> Tree | None:
    kind, given = node.to, node.this
    if isinstance(given, exp.Null):
        return None
    if kind.this in (exp.DataType.Type.VARIANT, exp.DataType.Type.MAP):
        return macro("variant", given.copy())
    if kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.OBJECT) and not kind.expressions:
        return macro("to_array" if kind.this == exp.DataType.Type.ARRAY else "to_object", given.copy())
    if kind.this == exp.DataType.Type.DATE:
        iso = isinstance(given, exp.Literal) and re.fullmatch(r"\d{4}-\d\d-\d\d", given.name)
        return None if iso else macro("date", given.copy())
    if kind.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):
        return None if isinstance(given, exp.Literal) else macro("moment", given.copy())
    if kind.this in (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY):
        return macro("hexed", given.copy())
    return _cast_to_text(kind, given) if kind.this in TEXTS else None


def _cast_to_text(kind: exp.DataType, given: Any) -> Tree | None:
    if kind.expressions and not isinstance(given, exp.JSONExtract) and not getattr(given, "is_string", False):
        return macro("cut", given.copy(), kind.expressions[0].this.copy())
    made: Tree = given.copy()
    if not isinstance(given, exp.JSONExtract | exp.Literal):
        made = macro("text", made)
    elif isinstance(given, exp.JSONExtract):
        if not kind.expressions:
            return None
        made = exp.cast(made, "VARCHAR")
    elif not given.is_string:
        made = exp.cast(made, "VARCHAR")
    if kind.expressions:
        return exp.Left(this=made, expression=kind.expressions[0].this.copy())
    return made if not isinstance(given, exp.Literal) else None


def _tried_cast(node: Any) -> Tree | None:
    if node.to.this == exp.DataType.Type.DATE:
        return macro("date_or_null", node.this.copy())
    if node.to.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):
        return macro("moment_or_null", node.this.copy())
    return None


def _joined(node: Any) -> None:
    operands = node.expressions if isinstance(node, exp.Concat | exp.ConcatWs) else [node.this, node.expression]
    for operand in operands:
        if not isinstance(operand, exp.Literal | exp.DPipe | exp.Concat | exp.Null):
            operand.replace(macro("text", operand.copy()))


def _parsed(node: Any) -> Tree:
    return macro("try_parse" if node.args.get("safe") else "parse", macro("text", node.this.copy()))


_BYTES = {"UTF-8": "decode", "UTF8": "decode", "HEX": "hex", "BASE64": "to_base64"}


# what sqlglot makes of a format beside a date, where it takes 'dd' and 'dy' for others than 'DD' and 'DY'
_AGAIN = {
    "%f_zero": "FF0", "%f_one": "FF1", "%f_two": "FF2", "%f_three": "FF3", "%f_four": "FF4", "%f_five": "FF5",
    "%f_seven": "FF7", "%f_eight": "FF8", "%f_nine": "FF9", "%Y": "YYYY", "%y": "YY", "%B": "MMMM", "%b": "MON", "%m": "MM",
    "%-d": "DD", "%d": "DD", "%a": "DY", "%w": "DY", "%H": "HH24", "%I": "HH12", "%M": "MI", "%S": "SS", "%f": "FF6",
    "%:z": "TZH:TZM", "%-z": "TZH", "%z": "TZHTZM", "%p": "AM",
}  # fmt: skip


def _formatted(node: Any) -> Tree | None:
    """A date in a format, read as Snowflake reads it."""
    if not isinstance(form := node.args.get("format"), exp.Literal):
        return None
    again = re.sub("|".join(map(re.escape, _AGAIN)), lambda found: _AGAIN[found[0]], form.name)
    return _shown(exp.ToChar(this=node.this.copy(), format=exp.Literal.string(again)))


def _read(node: Any) -> None:
    """A text read by a format: what sqlglot leaves as it stands (HH, which counts to 24, and Mon) or reads otherwise (dd, dy)."""
    if isinstance(form := node.args.get("format"), exp.Literal):
        parts = re.split(r"(%[-:]?[A-Za-z](?:_[a-z]+)?)", form.name.replace("HH", "%H"))
        codes = {"%-d": "%d", "%w": "%a"} | {p: strptime_format(p) for p in parts[::2]}
        form.set("this", "".join(codes.get(p, p) for p in parts))


def _shown(node: Any) -> Tree | None:
    form = node.args.get("format")
    if form is None:
        return macro("text", node.this.copy())
    text = form.name if isinstance(form, exp.Literal) else ""
    if text.upper() in _BYTES:
        return exp.Anonymous(this=_BYTES[text.upper()], expressions=[node.this.copy()])
    if re.fullmatch(r"(FM)?[S$BMI+-]*[09XGD,.]+[SMI+-]*(EEE+)?", text.upper()) or text.upper().startswith("TM"):
        raise not_supported(f"TO_CHAR with the number format '{text}'", "ROUND the number and cast it to VARCHAR")
    if not isinstance(form, exp.Literal):
        raise not_supported("TO_CHAR with a format that is no literal", "write the format into the statement")
    shown = exp.Literal.string(strptime_format(text))
    return exp.Anonymous(this="strftime", expressions=[macro("moment", node.this.copy()), shown])


def _replaced(node: Any) -> None:
    """REGEXP_REPLACE(text, pattern, with, 1, 0), as Snowpark writes it, replaces all."""
    for key, usual in (("position", "1"), ("occurrence", "0")):
        if isinstance(given := node.args.get(key), exp.Literal) and given.name == usual:
            node.set(key, None)


def _trimmed(node: Any) -> Tree:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    args: list[Tree] = [macro("text", node.this.copy())]
    if (signs := node.args.get("expression")) is not None:
        args.append(signs.copy())
    else:
        args.append(exp.Literal.string(" "))
    return exp.Anonymous(this=name, expressions=args)


def _dated(node: Any) -> Tree | None:
    if node.args.get("format") is not None:
        _read(node)
        return None
    return macro("date_or_null" if node.args.get("safe") else "date", node.this.copy())


def _has(node: Any) -> Tree:
    return macro("has", node.expression.copy(), node.this.copy())


def _looked_for(node: Any) -> None:
    """CONTAINS and its like read what is no text as one."""
    for operand in (node.this, node.expression):
        if not isinstance(operand, exp.Literal) or not operand.is_string:
            operand.replace(macro("text", operand.copy()))


def _regressed(node: Any) -> None:
    """A line through points of one place is NULL, and not a number that is none."""
    whole = node
    while isinstance(whole.parent, exp.Filter | exp.Window) and whole.parent.this is whole:
        whole = whole.parent
    whole.replace(macro("defined", whole.copy()))


def _moments(node: Any) -> None:
    for key in ("this", "expression"):
        operand = node.args.get(key)
        if isinstance(operand, _SPELLED):
            operand.replace(macro("as_moment", operand.copy()))


def _tried_binary(node: Any) -> Tree | None:
    given = [one.copy() for one in (node.this, node.args.get("format")) if one is not None]
    return exp.Anonymous(this="TRY_TO_BINARY", expressions=given) if node.args.get("safe") else None


_RULES: dict[Any, Any] = {
    exp.Add: _sum, exp.Sub: _sum, exp.DateAdd: _added, exp.TimestampTrunc: _truncated, exp.DateTrunc: _truncated, exp.Cast: _cast,
    exp.DPipe: _joined, exp.Concat: _joined, exp.ConcatWs: _joined, exp.ToChar: _shown, exp.Trim: _trimmed,
    exp.TsOrDsToDate: _dated, exp.TryCast: _tried_cast,
    exp.AddMonths: _months, exp.ArrayContains: _has, exp.RegexpReplace: _replaced, exp.GroupConcat: _listed,
    exp.ParseJSON: _parsed, exp.CheckJson: lambda node: macro("check", node.this.copy()),
    exp.Time: lambda node: exp.cast(node.this.copy(), "TIME"), exp.ToBinary: _tried_binary,
    exp.TimeToStr: _formatted, exp.StrToTime: _read, exp.StrToDate: _read,
    exp.Flatten: lambda node: macro("array_flatten", node.this.copy()),
    exp.Contains: _looked_for, exp.StartsWith: _looked_for, exp.EndsWith: _looked_for,
    exp.RegrSlope: _regressed, exp.RegrIntercept: _regressed, exp.RegrR2: _regressed,
    exp.ToVariant: lambda node: macro("variant", node.this.copy()),
    exp.Typeof: lambda node: macro("kind", node.this.copy()),
}  # fmt: skip
