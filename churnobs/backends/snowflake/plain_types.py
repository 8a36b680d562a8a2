"""Rows as a model was fitted on them. This module travels with each model into Snowflake, so it imports nothing of churnobs."""

from __future__ import annotations

from typing import Any


def plain_types(rows: Any) -> Any:
    """A DataFrame of pandas' nullable columns, as Snowflake hands rows to a model, with NumPy's own types.

    NULL becomes NaN in a column of numbers and None in any other, as it is where models are fitted.

    >>> import pandas as pd
    >>> plain_types(pd.DataFrame({"A": pd.array([1.5, None], "Float64"), "B": pd.array(["x", None], "string")})).to_dict("list")
    {'A': [1.5, nan], 'B': ['x', None]}
    """
    import numpy as np
    import pandas as pd
    from pandas.api import types

    columns: dict[Any, Any] = {}
    for name in rows.columns:
        values = rows[name]
        if not types.is_extension_array_dtype(values.dtype):
            columns[name] = values
        elif types.is_bool_dtype(values.dtype):
            plain = values.to_numpy(dtype=object, na_value=None)
            columns[name] = plain if values.isna().any() else plain.astype(bool)
        elif types.is_numeric_dtype(values.dtype):
            columns[name] = values.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            columns[name] = values.to_numpy(dtype=object, na_value=None)
    return pd.DataFrame(columns, index=rows.index)
