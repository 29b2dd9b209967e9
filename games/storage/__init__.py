"""Results and checkpoints on disk: JSON beside arrays, written whole or not at all, never executed."""

from games.storage.bundle import (
    header_path as header_path,
    read_bundle as read_bundle,
    read_schema as read_schema,
    write_bundle as write_bundle,
)
from games.storage.results import (
    StoredResult as StoredResult,
    load_result as load_result,
    save_result as save_result,
)
