"""The reference demo, step by step, through the real clients; every number against a rewrite in pandas that shares nothing with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from demo_data import DRIFT, MONTHS, generate
from demo_program import FEATURES, Demo
from sklearn.metrics import f1_score, roc_auc_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from churnobs.testing import serve


class Rewrite:
    """The same numbers in pandas."""

    def __init__(self, frames: dict[str, pd.DataFrame]) -> None:
        self.frames = frames
        self.analyzer = SentimentIntensityAnalyzer()

    def sales(self, upto: int) -> pd.DataFrame:
        made = pd.concat([self.frames[f"sales_{y}_{m}"] for y, m in MONTHS[:upto]])
        return made.assign(DAY=pd.to_datetime(made.TRANSACTION_DATE))

    def people(self, upto: int) -> pd.DataFrame:
        names = ["customers"] + (["new_customers"] if MONTHS[upto - 1] >= DRIFT else [])
        return pd.concat([self.frames[n] for n in names])

    def moods(self, upto: int) -> pd.DataFrame:
        talks = pd.concat([self.frames[f"feedback_raw_{y}_{m}"] for y, m in MONTHS[:upto]])
        return talks.assign(MOOD=talks.COMMENT.map(lambda t: self.analyzer.polarity_scores(t)["compound"])).sort_values(
            "CHAT_DATE"
        )

    def features(self, upto: int) -> tuple[str, pd.DataFrame]:
        sales, people = self.sales(upto), self.people(upto)
        at = sales.DAY.max()
        back = {
            "7D": pd.DateOffset(days=7),
            "1MM": pd.DateOffset(months=1),
            "2MM": pd.DateOffset(months=2),
            "3MM": pd.DateOffset(months=3),
        }
        moods = {c: g.MOOD.to_numpy() for c, g in self.moods(upto).groupby("CUSTOMER_ID")}
        ages = dict(zip(people.CUSTOMER_ID, people.AGE, strict=True))
        rows = []
        for customer, own in sales.groupby("CUSTOMER_ID"):
            if customer not in ages:
                continue
            last = own.DAY.max()
            row = {
                "CUSTOMER_ID": customer,
                "AGE": float(ages[customer]),
                "DAYS_SINCE_LAST_PURCHASE": float((at - last).days),
            }
            for name, offset in back.items():
                seen = own[last - offset <= own.DAY]
                row[f"SUM_TOTAL_AMOUNT_PAST_{name}"], row[f"COUNT_ORDERS_PAST_{name}"] = (
                    seen.TOTAL_AMOUNT.sum(),
                    float(len(seen)),
                )
            mood = moods.get(customer)
            for size in (2, 3, 4):
                row[f"SENTIMENT_MIN_{size}"] = np.nan if mood is None else mood[-size:].min()
                row[f"SENTIMENT_AVG_{size}"] = np.nan if mood is None else mood[-size:].mean()
            rows.append(row)
        return f"{at:%Y-%m-%d}", pd.DataFrame(rows).sort_values("CUSTOMER_ID").reset_index(drop=True)

    def labels(self, at: str, customers: pd.Series, upto: int) -> np.ndarray:
        sales, moment = self.sales(upto), pd.Timestamp(at)
        bought = set(sales[(moment < sales.DAY) & (moment + pd.Timedelta(days=30) >= sales.DAY)].CUSTOMER_ID)
        return np.array([0 if c in bought else 1 for c in customers])


def test_the_demo_runs_to_its_end_with_the_right_numbers(tmp_path) -> None:
    frames = generate(tmp_path)
    rewrite = Rewrite(frames)
    with serve(trace=True) as account:
        session = account.session(database="DEMO", schema="PUBLIC")
        demo = Demo(session, tmp_path)
        demo.setup()
        demo.ingest(*MONTHS[0])
        demo.ingest(*MONTHS[1])
        first = demo.features()
        demo.register_view()
        check_features(session, rewrite, first, 2)

        demo.ingest(*MONTHS[2])
        demo.label_predictions(first)
        training = demo.dataset(first)
        at, expected = rewrite.features(2)
        assert at == first
        labels = rewrite.labels(at, expected.CUSTOMER_ID, 3)
        assert training.CUSTOMER_ID.tolist() == expected.CUSTOMER_ID.tolist()
        assert training.CHURNED.tolist() == labels.tolist()
        pd.testing.assert_frame_equal(training[FEATURES], expected[FEATURES], check_exact=False, rtol=0, atol=1e-9)

        base_model, base = demo.train(training, "BASE")
        roles = {"BASE": "BASE", "PROD": "PRODMONITOR", "RETRAIN": "RETRAINMONITOR"}
        clones = {
            r: demo.registry.log_model(base, model_name="CHURN", version_name=v)
            for r, v in roles.items()
            if r != "BASE"
        }
        second = demo.features()
        demo.predict(second, roles)
        demo.monitors({"BASE": base, **clones})

        new_customers(demo)
        demo.ingest(*MONTHS[3])
        demo.label_predictions(second)
        _, at_second = rewrite.features(3)
        truth = rewrite.labels(second, at_second.CUSTOMER_ID, 4)
        probability = base_model.predict_proba(at_second[FEATURES])[:, 1]
        assert demo.metric("BASE", "F1_SCORE", second) == pytest.approx(f1_score(truth, probability > 0.5), abs=1e-12)
        assert demo.metric("BASE", "ROC_AUC", second) == pytest.approx(roc_auc_score(truth, probability), abs=1e-12)
        assert demo.newest_metric("PROD", "F1_SCORE") == demo.metric("BASE", "F1_SCORE", second)

        third = demo.features()
        demo.predict(third, roles)
        check_features(session, rewrite, third, 4)
        retraining = demo.dataset(second)
        assert len(retraining) == len(at_second)
        new_model, _ = demo.train(pd.concat([training, retraining]), "RETRAINED")
        demo.predict(third, {"RETRAIN": "RETRAINED"})
        demo.ingest(*MONTHS[4])
        demo.label_predictions(third)
        _, at_third = rewrite.features(4)
        truth = rewrite.labels(third, at_third.CUSTOMER_ID, 5)
        scores = {"BASE": base_model.predict(at_third[FEATURES]), "RETRAIN": new_model.predict(at_third[FEATURES])}
        found = {role: demo.newest_metric(role, "F1_SCORE") for role in scores}
        for role, said in scores.items():
            assert found[role] == pytest.approx(f1_score(truth, said), abs=1e-12)
        session.sql("ALTER MODEL CHURN SET DEFAULT_VERSION = 'RETRAINED'").collect()
        assert demo.registry.get_model("CHURN").default.version_name == "RETRAINED"

        drifted = dict(demo.drift("DIFFERENCE_OF_MEANS", "AGE"))
        for day, rows in ((second, at_second), (third, at_third)):
            assert drifted[day] == pytest.approx(rows.AGE.mean() - at_second.AGE.mean(), abs=1e-9)
        shift = dict(demo.drift("JENSEN_SHANNON", "AGE"))
        assert shift[second] == pytest.approx(0.0, abs=1e-12)
        assert shift[third] > 0.1

        demo.alerts(threshold=1.01)
        assert [tuple(r) for r in session.sql("SELECT WHAT, VALUE FROM ALERT_LOG").collect()] == [
            ("F1 of the base model is low", 1.01)
        ]
        demo.alerts(threshold=0.0)
        assert session.table("ALERT_LOG").count() == 1

        check_the_rest(demo, rewrite)
        broken = [s for s in account.statements if s.error and "internal error" in s.error]
        assert broken == []


def new_customers(demo: Demo) -> None:
    demo.load("CUSTOMERS", "new_customers.csv.gz", *DRIFT)


def check_features(session, rewrite: Rewrite, at: str, upto: int) -> None:
    expected_at, expected = rewrite.features(upto)
    assert at == expected_at
    found = session.table("CUSTOMER_FEATURES").filter(f"TIMESTAMP = '{at}'").sort("CUSTOMER_ID").to_pandas()
    assert found.CUSTOMER_ID.tolist() == expected.CUSTOMER_ID.tolist()
    pd.testing.assert_frame_equal(found[FEATURES], expected[FEATURES], check_exact=False, rtol=0, atol=1e-9)


def check_the_rest(demo: Demo, rewrite: Rewrite) -> None:
    """What is left behind: every file once, every comment scored once, lineage, datasets, versions."""
    session = demo.session
    loaded = session.sql("SELECT SUM(ROWS_LOADED) FROM FILES_INGESTED").collect()[0][0]
    assert loaded == sum(len(f) for f in rewrite.frames.values())
    moods = rewrite.moods(5)
    scored = session.sql(
        "SELECT COUNT(*), COUNT(DISTINCT FEEDBACK_ID), SUM(SENTIMENT) FROM FEEDBACK_SENTIMENT"
    ).collect()[0]
    assert (scored[0], scored[1]) == (len(moods), len(moods))
    assert scored[2] == pytest.approx(moods.MOOD.sum(), abs=1e-9)
    assert session.table("FEEDBACK_STREAM").count() == 0
    versions = [v.version_name for v in demo.registry.get_model("CHURN").versions()]
    assert versions == ["BASE", "PRODMONITOR", "RETRAINMONITOR", "RETRAINED"]
    assert len(demo.registry.show_model_monitors()) == 3
    assert [d.fully_qualified_name.split(".")[-1] for d in demo.view.lineage("downstream")] == ["CHURN_DS", "CHURN_DS"]
    unlabelled = session.sql("SELECT COUNT(*) FROM PREDICTIONS WHERE CHURNED IS NULL").collect()[0][0]
    assert unlabelled == 0
