from . import (
    equilibrium as equilibrium,
    influence as influence,
    psro as psro,
    report as report,
    sequoia as sequoia,
)
