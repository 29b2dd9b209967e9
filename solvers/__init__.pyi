from . import equilibrium as equilibrium, psro as psro, report as report
