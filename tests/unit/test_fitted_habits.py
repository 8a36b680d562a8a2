"""The model behind fitted worlds against brute force: likelihood, fit, expectations, season and truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.optimize import minimize
from scipy.special import beta as beta_function
from scipy.special import hyp2f1
from scipy.stats import beta, gamma, multivariate_normal

from simulations.fitted import season
from simulations.fitted.fitting import NeutralClock, expected_repeats
from simulations.fitted.habits import (
    Habits,
    Histories,
    churn_probability,
    fit_habits,
    likelihood_slopes,
    log_likelihood,
)

HABITS = Habits(0.8, 25.0, 1.2, 5.0)


def lives(habits: Habits, n: int, seed: int) -> Histories:
    """Customers one by one, purchase by purchase: an implementation that shares nothing with the one that is tested."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        rate, leaving = rng.gamma(habits.r, 1 / habits.alpha), rng.beta(habits.a, habits.b)
        end, at, repeats = rng.uniform(30, 400), 0.0, 0
        while rng.random() >= leaving:
            following = at + rng.exponential(1 / rate)
            if following > end:
                break
            at, repeats = following, repeats + 1
        rows.append((repeats, at, end))
    repeats_, last, seen = np.array(rows).T
    return Histories(repeats_, last, seen, np.ones(n))


@pytest.mark.parametrize(("x", "last", "seen"), [(0, 0.0, 50.0), (7, 10.0, 200.0)])
def test_the_likelihood_is_the_integral_over_customers(x: int, last: float, seen: float) -> None:
    def of_one(leaving: float, rate: float) -> float:
        own = (1 - leaving) ** x * rate**x * np.exp(-rate * last)
        own *= leaving + (1 - leaving) * np.exp(-rate * (seen - last))
        density = gamma.pdf(rate, HABITS.r, scale=1 / HABITS.alpha) * beta.pdf(leaving, HABITS.a, HABITS.b)
        return float(own * density)

    # a rate's density grows without bound towards 0: the fourth power as the variable tames it
    expected, _ = dblquad(lambda p, u: of_one(p, u**4) * 4 * u**3, 0, 1.2, 0, 1, epsabs=1e-14, epsrel=1e-5)
    data = Histories(*(np.array([float(value)]) for value in (x, last, seen, 1)))
    assert log_likelihood(HABITS, data) == pytest.approx(np.log(expected), abs=1e-4)


def test_the_fit_is_the_maximum_that_a_search_without_slopes_finds() -> None:
    data = lives(HABITS, 1500, seed=3)
    fitted = fit_habits(data)

    def loss(logs: np.ndarray) -> float:
        return -log_likelihood(Habits(*np.exp(logs)), data)

    start = np.log([HABITS.r, HABITS.alpha, HABITS.a, HABITS.b])
    searched = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7, "maxiter": 4000})
    assert -log_likelihood(fitted, data) <= searched.fun + 0.01
    # and what customers were made of comes back
    assert fitted.monthly_visits == pytest.approx(HABITS.monthly_visits, rel=0.1)
    assert fitted.leaving == pytest.approx(HABITS.leaving, rel=0.2)
    assert fitted.expected_visits(np.array([400.0]))[0] == pytest.approx(
        HABITS.expected_visits(np.array([400.0]))[0], rel=0.05
    )


@given(st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_slopes_are_those_of_differences(logs: list[float]) -> None:
    data = lives(HABITS, 40, seed=6)
    at = np.array([HABITS.r, HABITS.alpha, HABITS.a, HABITS.b]) * np.exp(logs)
    steps = 1e-5 * np.diag(at)
    ups, downs = ([log_likelihood(Habits(*(at + sign * step)), data) for step in steps] for sign in (1, -1))
    numeric = (np.array(ups) - np.array(downs)) / (2e-5 * at)
    np.testing.assert_allclose(likelihood_slopes(Habits(*at), data), numeric, rtol=1e-4, atol=1e-4)


def test_a_fit_counts_equal_histories() -> None:
    data = lives(HABITS, 300, seed=5)
    twice = Histories(data.repeats, data.last, data.seen, 2 * data.count)
    both = Histories(*(np.concatenate((own, own)) for own in (data.repeats, data.last, data.seen, data.count)))
    assert log_likelihood(HABITS, twice) == pytest.approx(log_likelihood(HABITS, both))
    assert fit_habits(twice) == fit_habits(data)


@settings(max_examples=40, deadline=None)
@given(r=st.floats(0.2, 3), alpha=st.floats(5, 200), a=st.floats(0.2, 3), b=st.floats(0.5, 20), days=st.floats(1, 800))
def test_expected_visits_are_those_of_the_published_formula(
    r: float, alpha: float, a: float, b: float, days: float
) -> None:
    if abs(a - 1) < 0.05:
        return  # the published one divides by a - 1
    published = b / (a - 1) * (1 - hyp2f1(r, b + 1, a + b, days / (alpha + days)) * (alpha / (alpha + days)) ** r)
    ours = Habits(r, alpha, a, b).expected_visits(np.array([days]))[0]
    assert ours == pytest.approx(published, rel=0.01, abs=1e-6)


def test_the_chance_of_churn_is_the_share_among_lives_alike() -> None:
    """Lives with one rate: of those silent for so long, the share that stays silent."""
    rng = np.random.default_rng(8)
    rate, leaving, quiet, ahead = 0.05, 0.3, 25.0, 30.0
    # since the last purchase: gone, or the next one after an exponential time
    following = np.where(rng.random(400_000) < leaving, np.inf, rng.exponential(1 / rate, 400_000))
    silent = following > quiet
    share = float((following[silent] > quiet + ahead).mean())
    told = churn_probability(np.array([leaving]), np.array([rate * quiet]), np.array([rate * ahead]))[0]
    assert told == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / silent.sum()))


def test_turning_customers_round_keeps_how_many_buy_how_often() -> None:
    rate = np.sort(HABITS.draw(np.random.default_rng(1), 20_000)[0])
    turned = HABITS.turned(rate)
    assert (np.diff(turned) <= 0).all()
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(turned, share) == pytest.approx(gamma.ppf(share, HABITS.r, scale=1 / HABITS.alpha), rel=0.1)
    np.testing.assert_allclose(HABITS.turned(turned[rate > 1e-6]), rate[rate > 1e-6], rtol=1e-6)


def test_a_neutral_clock_is_the_sum_of_its_days() -> None:
    clock = NeutralClock(np.array([0, 31, 59, 90]), np.array([1.0, 2.0, 0.5]))
    daily = np.repeat([1.0, 2.0, 0.5], [31, 28, 31])
    assert [clock.at(np.array([day]))[0] for day in range(91)] == pytest.approx(
        [daily[:day].sum() for day in range(91)]
    )


def test_expected_repeats_are_the_mean_over_lives() -> None:
    starts, factors = np.array([0, 31, 59, 90, 120]), np.array([1.0, 1.5, 0.7, 1.2])
    clock, later = NeutralClock(starts, factors), Habits(2.0, 50.0, 1.0, 9.0)
    arrivals = np.array([4000, 0, 6000, 2000])
    told = expected_repeats(arrivals, clock, HABITS, later, 1)
    rng = np.random.default_rng(4)
    counted = np.zeros(4)
    for month, came in enumerate(arrivals):
        rate, leaving = (HABITS if month < 1 else later).draw(rng, came)
        for customer in range(came):
            neutral = float(clock.at(np.array([rng.uniform(starts[month], starts[month + 1])]))[0])
            while rng.random() >= leaving[customer]:
                neutral += rng.exponential(1 / rate[customer])
                if neutral >= float(clock.at(starts[-1:])[0]):
                    break
                counted[int(np.searchsorted(clock.at(starts), neutral, side="right")) - 1] += 1
    assert told == pytest.approx(counted, rel=0.06)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=30), st.integers(0, 11), st.sampled_from((0.0, 0.02, 0.04)))
@settings(max_examples=30, deadline=None)
def test_season_and_level_minimise_the_penalised_squares(logs: list[float], first: int, wandering: float) -> None:
    """The best linear prediction is a ridge regression, which least squares on stacked rows solve as well."""
    n, strength = len(logs), 0.2
    calendar = (first + np.arange(n)) % 12
    errors = np.linspace(0.08, 0.3, n)
    found = season.predicted(np.array(logs), calendar, errors**2, strength, wandering)
    steps = n - 1 if wandering else 0
    design = np.zeros((n + 12 + steps, 12 + 1 + steps))
    target = np.concatenate((np.array(logs) / errors, np.zeros(12 + steps)))
    for i in range(n):
        design[i, calendar[i]] = design[i, 12] = 1 / errors[i]
        design[i, 13 : 13 + (i if wandering else 0)] = 1 / errors[i]
    for k in range(12):
        design[n + k, k] = 1 / strength
    for k in range(steps):
        design[n + 12 + k, 13 + k] = 1 / wandering
    solved = np.linalg.lstsq(design, target, rcond=None)[0]
    level = solved[12] + np.concatenate(([0.0], np.cumsum(solved[13:]))) if wandering else np.full(n, solved[12])
    np.testing.assert_allclose(found.season, solved[:12], atol=1e-8)
    np.testing.assert_allclose(found.level, level, atol=1e-8)


def test_the_restricted_likelihood_is_that_of_contrasts() -> None:
    rng = np.random.default_rng(0)
    logs, calendar = rng.normal(0, 0.3, 15), (3 + np.arange(15)) % 12
    contrasts = np.eye(14, 15) - np.eye(14, 15, k=1)
    noise, differences = rng.uniform(0.01, 0.05, 15), []
    for strength, wandering in ((0.0, 0.0), (0.2, 0.04), (0.6, 0.02)):
        walk = wandering**2 * np.minimum.outer(np.arange(15), np.arange(15))
        spread = np.diag(noise) + walk + strength**2 * (calendar[:, None] == calendar)
        exact = multivariate_normal(np.zeros(14), contrasts @ spread @ contrasts.T).logpdf(contrasts @ logs)
        differences.append(season.restricted_likelihood(logs, calendar, noise, strength, wandering) - exact)
    assert np.ptp(differences) < 1e-8


def test_a_wave_of_two_years_is_found_and_noise_of_one_is_not() -> None:
    rng = np.random.default_rng(2)
    calendar = np.arange(24) % 12
    wave = 0.5 * np.cos(2 * np.pi * np.arange(12) / 12)
    found = season.months_apart(wave[calendar] + rng.normal(0, 0.05, 24), calendar, np.full(24, 1e3))
    np.testing.assert_allclose(found.season, wave, atol=0.12)
    quiet = season.months_apart(rng.normal(0, 0.05, 12), calendar[:12], np.full(12, 1e3))
    assert np.abs(quiet.season).max() < 0.03
    # where few buy, chance makes months differ, and no season is read into it
    counts = np.full(24, 6.0)
    few = season.months_apart(np.log((rng.poisson(counts) + 0.5) / 6.5), calendar, counts)
    assert np.abs(few.season).max() < 0.1


def test_the_beta_function_normalises_the_leaving_probabilities() -> None:
    own = HABITS.draw(np.random.default_rng(3), 50_000)[1]
    assert own.mean() == pytest.approx(HABITS.leaving, rel=0.02)
    assert beta_function(HABITS.a + 1, HABITS.b) / beta_function(HABITS.a, HABITS.b) == pytest.approx(HABITS.leaving)
