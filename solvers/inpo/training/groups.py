"""Groups: a prompt, its responses, and the pairs of them that enter the loss; what a fit learns from.

Every response is encoded once in a batch, in however many pairs it is, and so is one that was drawn twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from games.storage.bundle import read_bundle, write_bundle
from solvers.inpo.judges.verdicts import Prompt
from solvers.inpo.pairing.groups import ComparisonCounts, GroupEdges
from solvers.inpo.training.log_probabilities import pad_sequences

GroupBatch: TypeAlias = dict[str, Tensor]
"""A batch as ``GroupCollator`` makes it."""

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class TokenisedPrompt:
    """A prompt as judges see it and as the model does.

    Attributes:
        prompt: text or messages.
        ids: its tokens, ready for generation.
    """

    prompt: Prompt
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """What a policy answered.

    Attributes:
        ids: its tokens, with the end token where it came to an end; not empty.
        text: what judges read.
        ended: whether it came to an end, rather than being cut at the most tokens allowed.
    """

    ids: tuple[int, ...]
    text: str
    ended: bool


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Rows of different lengths in one array.

    Attributes:
        values: the rows, one after another.
        ends: where each ends, int64.
    """

    values: NDArray[Any]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[Sequence[float]], kind: type[np.generic]) -> "Ragged":
        """Rows with entries of this type."""
        arrays = [np.asarray(row, kind) for row in rows]
        ends = np.cumsum([len(row) for row in arrays], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, kind), *arrays]), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self.values[self.ends[index - 1] if index else 0 : self.ends[index]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Responses of a policy to some prompts.

    Attributes:
        rows: which prompts, by number, int64, shape (G,).
        responses: for each prompt, its responses.
    """

    rows: NDArray[np.int64]
    responses: tuple[tuple[Response, ...], ...]

    @property
    def num_responses(self) -> int:
        """How many there are in all."""
        return sum(map(len, self.responses))

    def save(self, path: Path) -> None:
        """Write to a bundle."""
        flat = [response for group in self.responses for response in group]
        ids = Ragged.of((r.ids for r in flat), np.int32)
        texts = Ragged.of((list(r.text.encode("utf-8", "surrogatepass")) for r in flat), np.uint8)
        write_bundle(
            path,
            {"schema": "counterplay.inpo.sample", "version": _VERSION},
            {
                "rows": self.rows,
                "group_ends": np.cumsum([len(group) for group in self.responses], dtype=np.int64),
                "ids": ids.values,
                "id_ends": ids.ends,
                "texts": texts.values,
                "text_ends": texts.ends,
                "ended": np.array([r.ended for r in flat], bool),
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Sample":
        """Read what ``save`` wrote."""
        _, arrays = read_bundle(path, schema="counterplay.inpo.sample", version=_VERSION)
        ids = Ragged(arrays["ids"], arrays["id_ends"])
        texts = Ragged(arrays["texts"], arrays["text_ends"])
        flat = [
            Response(tuple(row.tolist()), text.tobytes().decode("utf-8", "surrogatepass"), bool(ended))
            for row, text, ended in zip(ids, texts, arrays["ended"], strict=True)
        ]
        ends = arrays["group_ends"].tolist()
        starts = [0, *ends][:-1]
        groups = tuple(tuple(flat[start:end]) for start, end in zip(starts, ends, strict=True))
        return cls(arrays["rows"], groups)


def save_edges(path: Path, edges: Sequence[GroupEdges]) -> None:
    """Write the edges of many groups to a bundle."""
    total = sum((one.counts for one in edges), ComparisonCounts())
    ends = {
        name: np.cumsum([len(getattr(e, name)) for e in edges], dtype=np.int64) for name in ("first", "rates")
    }
    arrays = {
        name: np.concatenate([np.empty(0, kind), *(getattr(e, name) for e in edges)])
        for name, kind in (
            ("first", np.int64),
            ("second", np.int64),
            ("margin", np.float64),
            ("weight", np.float64),
            ("rates", np.float64),
        )
    }
    counts = {"asked": total.asked, "failed": total.failed, "ties": total.ties, "identical": total.identical}
    write_bundle(
        path,
        {"schema": "counterplay.inpo.edges", "version": _VERSION, "counts": counts},
        {**arrays, "edge_ends": ends["first"], "rate_ends": ends["rates"]},
    )


def load_edges(path: Path) -> tuple[list[GroupEdges], ComparisonCounts]:
    """Read what ``save_edges`` wrote; the counts are those of all groups together."""
    header, arrays = read_bundle(path, schema="counterplay.inpo.edges", version=_VERSION)
    first, second, margin, weight = (
        Ragged(arrays[name], arrays["edge_ends"]) for name in ("first", "second", "margin", "weight")
    )
    rates = Ragged(arrays["rates"], arrays["rate_ends"])
    groups = [
        GroupEdges(*fields, counts=ComparisonCounts())
        for fields in zip(first, second, margin, weight, rates, strict=True)
    ]
    return groups, ComparisonCounts(**header["counts"])


@dataclass(frozen=True, slots=True, eq=False)
class GroupRows:
    """The rows that a fit learns from; groups without an edge are left out.

    Attributes:
        prompts: tokens of the prompt of each group.
        responses: tokens of the responses of each group.
        anchors: log-probability of each response under the anchor.
        edges: which pairs count.
    """

    prompts: tuple[IntArray, ...]
    responses: tuple[tuple[IntArray, ...], ...]
    anchors: tuple[FloatArray, ...]
    edges: tuple[GroupEdges, ...]

    @classmethod
    def build(
        cls,
        prompts: Sequence[TokenisedPrompt],
        sample: Sample,
        edges: Sequence[GroupEdges],
        anchors: FloatArray,
    ) -> "GroupRows":
        """Join a sample with its edges and the anchors of its responses, shape (sample.num_responses,)."""
        split = np.split(anchors, np.cumsum([len(group) for group in sample.responses])[:-1])
        kept = [index for index, one in enumerate(edges) if len(one.first)]
        return cls(
            tuple(np.asarray(prompts[sample.rows[i]].ids, np.int32) for i in kept),
            tuple(tuple(np.asarray(r.ids, np.int32) for r in sample.responses[i]) for i in kept),
            tuple(split[i] for i in kept),
            tuple(edges[i] for i in kept),
        )

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "prompt_ids": self.prompts[index],
            "response_ids": self.responses[index],
            "anchor": self.anchors[index],
            "edges": self.edges[index],
        }

    @property
    def num_edges(self) -> int:
        """How many pairs enter the loss."""
        return sum(len(one.first) for one in self.edges)


@dataclass(frozen=True, slots=True)
class GroupCollator:
    """Makes a batch of rows.

    Attributes:
        pad_id: the token to fill up with.
    """

    pad_id: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> GroupBatch:
        """Distinct sequences, padded, and edges that speak of them by number.

        ``anchor`` has shape (N,) like the sequences, ``edge_first``, ``edge_second``, ``edge_margin`` and
        ``edge_weight`` (E,), ``response_index``, ``response_rate`` and ``response_weight`` one entry for each
        response; weights of the responses of a group that were judged sum to one.
        """
        numbers: dict[tuple[bytes, bytes], int] = {}
        sequences: list[tuple[Sequence[int], Sequence[int]]] = []
        anchors: list[float] = []
        indices, first, second = [], [], []
        for row in rows:
            key = row["prompt_ids"].tobytes()
            index = np.empty(len(row["response_ids"]), np.int64)
            for place, response in enumerate(row["response_ids"]):
                number = numbers.setdefault((key, response.tobytes()), len(sequences))
                if number == len(sequences):
                    sequences.append((row["prompt_ids"].tolist(), response.tolist()))
                    anchors.append(row["anchor"][place])
                index[place] = number
            indices.append(index)
            first.append(index[row["edges"].first])
            second.append(index[row["edges"].second])
        edges: list[GroupEdges] = [row["edges"] for row in rows]
        known = [np.isfinite(one.rates) for one in edges]
        return {
            **pad_sequences(sequences, self.pad_id),
            "anchor": torch.tensor(anchors, dtype=torch.float64),
            "edge_first": _joined(first),
            "edge_second": _joined(second),
            "edge_margin": _joined([one.margin for one in edges]),
            "edge_weight": _joined([one.weight for one in edges]),
            "response_index": _joined(indices),
            "response_rate": _joined(
                [np.where(seen, one.rates, 0.5) for seen, one in zip(known, edges, strict=True)]
            ),
            "response_weight": _joined([seen / max(np.count_nonzero(seen), 1) for seen in known]),
        }


def _joined(arrays: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))
