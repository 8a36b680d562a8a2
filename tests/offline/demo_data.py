"""The demo's files for 1,000 customers and five months, with a drift in the last two: new customers who buy little and complain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

MONTHS = ((2024, 1), (2024, 2), (2024, 3), (2024, 4), (2024, 5))
DRIFT = (2024, 4)
GOOD = (
    "I love the service, great value!",
    "Very happy, the delivery was fast.",
    "Excellent quality, thank you.",
    "It works well.",
)
BAD = (
    "Terrible support, I hate waiting.",
    "The product is broken, very disappointed.",
    "Awful, I want a refund.",
    "It arrived late.",
)


def month_end(year: int, month: int) -> pd.Timestamp:
    return pd.Timestamp(year=year, month=month, day=1) + pd.offsets.MonthEnd(0)


def generate(folder: Path, customers: int = 1000, seed: int = 11) -> dict[str, pd.DataFrame]:
    """Write customers.csv, new_customers.csv, sales_*.csv, feedback_raw_*.csv; returns the frames, for the independent rewrite."""
    rng = np.random.default_rng(seed)
    old = [f"C{n:05d}" for n in range(customers * 4 // 5)]
    new = [f"N{n:05d}" for n in range(customers - len(old))]
    frames: dict[str, pd.DataFrame] = {}
    people = []
    for name, ids, age in (("customers", old, 45), ("new_customers", new, 24)):
        made = pd.DataFrame(
            {
                "CUSTOMER_ID": ids, "AGE": rng.normal(age, 6, len(ids)).round().clip(18, 90).astype(int),
                "CUSTOMER_SEGMENT": rng.choice(["Gold", "Silver", "Bronze"], len(ids)), "GENDER": rng.choice(["F", "M"], len(ids)),
                "LOCATION": rng.choice(["Madrid", "Lyon", "O'Fallon"], len(ids)), "SIGNUP_DATE": "2023-06-01",
            }
        )  # fmt: skip
        made.to_csv(folder / f"{name}.csv", index=False)
        frames[name] = made
        people.append(made)
    loyal = dict(zip(old, rng.beta(2, 2, len(old)), strict=True)) | dict(
        zip(new, rng.beta(1, 4, len(new)), strict=True)
    )
    number = 0
    for year, month in MONTHS:
        first, last = pd.Timestamp(year=year, month=month, day=1), month_end(year, month)
        here = old + (new if (year, month) >= DRIFT else [])
        sales, talks = [], []
        for customer in here:
            count = rng.poisson(3.2 * loyal[customer])
            for day in sorted(rng.integers(1, last.day + 1, count)):
                number += 1
                amount = round(float(rng.gamma(2.0, 40.0 * (0.5 + loyal[customer]))), 2)
                sales.append(
                    (
                        f"T{number:07d}",
                        customer,
                        f"{first:%Y-%m}-{day:02d}",
                        bool(rng.random() < 0.3),
                        int(rng.integers(1, 6)),
                        "Card",
                        amount,
                    )
                )
            for day in sorted(rng.choice(np.arange(1, 29), int(rng.integers(0, 3)), replace=False)):
                number += 1
                text = rng.choice(GOOD if rng.random() < loyal[customer] else BAD)
                talks.append((f"{first:%Y-%m}-{day:02d}", str(text), customer, f"F{number:07d}", number))
        columns = [
            "TRANSACTION_ID",
            "CUSTOMER_ID",
            "TRANSACTION_DATE",
            "DISCOUNT_APPLIED",
            "NUM_ITEMS",
            "PAYMENT_METHOD",
            "TOTAL_AMOUNT",
        ]
        frames[f"sales_{year}_{month}"] = pd.DataFrame(sales, columns=columns)
        frames[f"feedback_raw_{year}_{month}"] = pd.DataFrame(
            talks, columns=["CHAT_DATE", "COMMENT", "CUSTOMER_ID", "FEEDBACK_ID", "INTERNAL_ID"]
        )
        for name in (f"sales_{year}_{month}", f"feedback_raw_{year}_{month}"):
            frames[name].to_csv(folder / f"{name}.csv", index=False)
    return frames
