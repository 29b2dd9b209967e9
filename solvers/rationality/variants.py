"""Variants: the same scenarios in other words and under other labels; a rational player decides alike."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from games.text.questions import Framing, Language, Reasoning, Wording
from games.text.relabelling import Naming

_PLAIN = Wording()


@dataclass(frozen=True, slots=True)
class Variant:
    """How all questions of a play are put.

    Attributes:
        name: as reports call it; distinct within a run.
        wording: of the questions.
        relabelling: seed of a new order of all options, and of their names; None leaves them.
        naming: which names the options get under a relabelling.
    """

    name: str = "plain"
    wording: Wording = _PLAIN
    relabelling: int | None = None
    naming: Naming = Naming.KEPT

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must not be empty")
        if self.relabelling is not None and self.relabelling < 0:
            raise ValueError(f"relabelling must be >= 0 or None, got {self.relabelling}")
        if self.relabelling is None and self.naming is not Naming.KEPT:
            raise ValueError(f"naming {self.naming.name} needs a relabelling, the seed of the names")

    def traits(self) -> dict[str, object]:
        """All but the name, as JSON."""
        return {
            "wording": asdict(self.wording),
            "relabelling": self.relabelling,
            "naming": self.naming.name,
        }

    @classmethod
    def of(cls, name: str, traits: Mapping[str, Any]) -> "Variant":
        """The variant with these `traits`.

        Raises:
            ValueError, TypeError, KeyError: they are none.
        """
        said = traits["wording"]
        wording = Wording(
            **{
                **said,
                "language": Language(said["language"]),
                "framing": Framing(said["framing"]),
                "reasoning": Reasoning(said["reasoning"]),
            }
        )
        return cls(name, wording, traits["relabelling"], Naming[traits["naming"]])


def one_at_a_time(
    base: Wording = _PLAIN,
    *,
    phrasings: Iterable[int] = (),
    languages: Iterable[Language] = (),
    framings: Iterable[Framing] = (),
    personas: Iterable[str] = (),
    orders: int = 0,
    names: int = 0,
) -> tuple[Variant, ...]:
    """The plain variant, and one for each change of a single trait.

    Args:
        base: the wording that is varied.
        phrasings: further phrasings to try.
        languages: further languages.
        framings: further framings.
        personas: whom the player is asked to be, each in a variant of its own.
        orders: how many random orders of the options to try.
        names: how many sets of invented names to try, each with an order of its own.

    Returns:
        Variants with distinct names; traits equal to those of ``base`` are left out.
    """
    found = [Variant("plain", base)]
    found += [Variant(f"phrasing {k}", replace(base, phrasing=k)) for k in phrasings if k != base.phrasing]
    found += [
        Variant(f"language {x.value}", replace(base, language=x)) for x in languages if x != base.language
    ]
    found += [Variant(f"framing {x.value}", replace(base, framing=x)) for x in framings if x != base.framing]
    found += [Variant(f"persona {x}", replace(base, persona=x)) for x in personas if x != base.persona]
    found += [Variant(f"order {k}", base, k) for k in range(orders)]
    found += [Variant(f"names {k}", base, k, Naming.INVENTED) for k in range(names)]
    return tuple(found)
