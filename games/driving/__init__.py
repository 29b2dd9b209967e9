"""Small games of cars on a road.

Beside the protocol of ``games.protocols.EnvGame``, every game here answers ``crashed(state)``: whether a
player's car has run into anything.
"""
