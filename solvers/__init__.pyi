from . import (
    equilibrium as equilibrium,
    influence as influence,
    inpo as inpo,
    psro as psro,
    report as report,
    sequoia as sequoia,
    trees as trees,
)
