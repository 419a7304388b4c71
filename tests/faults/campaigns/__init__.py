"""The campaigns, by name, in the order of the table."""

from tests.faults.campaigns import (
    clocks,
    crowds,
    damage,
    databases,
    disk_errors,
    fuzz,
    interrupts,
    kills,
    power_losses,
    reports,
    servers,
    silent_server,
    sweep_kills,
)

ALL = (
    kills,
    disk_errors,
    power_losses,
    damage,
    databases,
    servers,
    silent_server,
    clocks,
    interrupts,
    sweep_kills,
    crowds,
    reports,
    fuzz,
)
CAMPAIGNS = {name: campaign for module in ALL for name, campaign in module.CAMPAIGNS.items()}
