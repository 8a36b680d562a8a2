"""Fitted models as bytes that hold data and no code (skops), read back only when every type in them is allowed."""

from __future__ import annotations

from typing import Any, Final

from churnobs.errors import RefusedArtefact

# beyond what skops trusts by itself: what scikit-learn pipelines and XGBoost models are made of
ALLOWED: Final = ("numpy.dtype", "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier")


def dumped(model: Any) -> bytes:
    """The bytes of a fitted model.

    Raises:
        RefusedArtefact: it holds types outside the allow-list, so it could not be read back.
    """
    import skops.io

    content: bytes = skops.io.dumps(model)
    _refuse_unknown(content)
    return content


def loaded(content: bytes) -> Any:
    """The model of some bytes.

    Raises:
        RefusedArtefact: they hold types outside the allow-list.
    """
    import skops.io

    _refuse_unknown(content)
    return skops.io.loads(content, trusted=list(ALLOWED))


def _refuse_unknown(content: bytes) -> None:
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(ALLOWED))
    if unknown:
        raise RefusedArtefact(
            f"the model holds types that are not allowed: {', '.join(unknown)}",
            hint="use scikit-learn and XGBoost estimators, whose artefacts are data and no code",
        )
