"""How players weigh risk, as header objects.

A ``RiskAversion`` is an object with ``gamma``; a ``RiskProfile`` one with ``measures`` and ``regularisers``,
each an object that names its kind and holds the fields of its class, and null where there is no regulariser.
"""

from typing import Any, TypeAlias

from games.errors import FileFormatError
from games.normal_form.risk import RiskAversion, RiskVariance
from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
)
from games.normal_form.risk_profiles import RiskProfile
from games.normal_form.risk_regularisers import Entropy, LogBarrier
from games.normal_form.risk_tails import CVaR, WorstCase
from games.storage.fields import Fields

Risk: TypeAlias = RiskAversion | RiskProfile

# Classes by their names in files, with their fields.
_Kinds: TypeAlias = dict[str, tuple[type, tuple[str, ...]]]
_MEASURES: _Kinds = {
    "neutral": (Neutral, ()),
    "mean_variance": (MeanVariance, ("gamma",)),
    "monotone_mean_variance": (MonotoneMeanVariance, ("gamma",)),
    "entropic": (Entropic, ("tau",)),
    "lower_partial_moment": (LowerPartialMoment, ("gamma", "order", "target")),
    "cvar": (CVaR, ("level",)),
    "worst_case": (WorstCase, ()),
}
_REGULARISERS: _Kinds = {
    "entropy": (Entropy, ("eps",)),
    "log_barrier": (LogBarrier, ("eps",)),
}


def encode_risk(risk: Risk, num_players: int) -> dict[str, Any]:
    """Header object of a risk aversion or profile.

    Raises:
        TypeError: a measure or regulariser that is not of this package.
        ValueError: as many numbers or measures as players are wanted.
    """
    if isinstance(risk, RiskAversion):
        risk.gammas(num_players)  # as many as players, or an error
        gamma = [float(g) for g in risk.gamma] if isinstance(risk.gamma, tuple) else float(risk.gamma)
        return {"gamma": gamma, "tremble": float(risk.tremble), "variance": risk.variance.value}
    if not isinstance(risk, RiskProfile):
        raise TypeError(f"risk must be a RiskAversion or a RiskProfile, got {type(risk).__name__}")
    _check_players(risk, num_players)
    return {
        "measures": [_encode(measure, _MEASURES, "measures") for measure in risk.measures],
        "regularisers": [
            None if own is None else _encode(own, _REGULARISERS, "regularisers") for own in risk.regularisers
        ],
        "tremble": float(risk.tremble),
    }


def decode_risk(fields: Fields, num_players: int) -> Risk:
    """What ``encode_risk`` wrote.

    Raises:
        FileFormatError: a part is missing, of another kind, or out of its range.
    """
    try:
        if "measures" in fields.values:
            return _decode_profile(fields, num_players)
        several = isinstance(fields.values.get("gamma"), list)
        gamma = fields.numbers("gamma") if several else fields.number("gamma")
        risk = RiskAversion(gamma, fields.number("tremble"), RiskVariance(fields.text("variance")))
        risk.gammas(num_players)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
    return risk


def _check_players(risk: RiskProfile, num_players: int) -> None:
    if len(risk.measures) != num_players:
        raise ValueError(f"measures must be one per player: wanted {num_players}, got {len(risk.measures)}")


def _encode(part: object, kinds: _Kinds, what: str) -> dict[str, Any]:
    for name, (kind, numbers) in kinds.items():
        if type(part) is kind:
            values = {key: getattr(part, key) for key in numbers}
            return {"kind": name} | {
                key: value if value is None else int(value) if key == "order" else float(value)
                for key, value in values.items()
            }
    raise TypeError(f"{what} can be saved if they are one of {', '.join(kinds)}, got {type(part).__name__}")


def _decode_profile(fields: Fields, num_players: int) -> RiskProfile:
    measures, regularisers = _objects(fields, "measures"), _objects(fields, "regularisers")
    present = [part for part in measures if part is not None]
    if len(present) < len(measures):
        raise fields.error("measures", "a list of objects")
    risk = RiskProfile(
        tuple(_class(part, _MEASURES)(**_values(part, _MEASURES)) for part in present),
        tuple(
            None if part is None else _class(part, _REGULARISERS)(**_values(part, _REGULARISERS))
            for part in regularisers
        ),
        fields.number("tremble"),
    )
    _check_players(risk, num_players)
    return risk


def _objects(fields: Fields, key: str) -> list[Fields | None]:
    values = fields.values.get(key)
    if not isinstance(values, list):
        raise fields.error(key, "a list of objects")
    inner = Fields({str(i): value for i, value in enumerate(values)}, f"{fields.place}.{key}")
    return [inner.optional(i) for i in inner.values]


def _class(fields: Fields, kinds: _Kinds) -> type:
    name = fields.text("kind")
    if name not in kinds:
        raise fields.error("kind", " or ".join(repr(known) for known in kinds))
    return kinds[name][0]


def _values(fields: Fields, kinds: _Kinds) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in kinds[fields.text("kind")][1]:
        if key == "order":
            values[key] = fields.integer(key)
        elif key == "target" and key in fields.values and fields.values[key] is None:
            values[key] = None
        else:
            values[key] = fields.number(key)
    return values
