"""``greendapt doctor``: what this machine can measure, and what it draws at the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from greendapt.core.terminal import say, show, show_json

if TYPE_CHECKING:
    from greendapt.core.wall_fit import WallFit


def doctor(
    readings: Annotated[
        str | None,
        typer.Argument(
            metavar="[W,W,W]", help="With --wall: what the plug meter tells at rest, half, full."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    device: Annotated[
        str, typer.Option(help="Which GPUs: auto (all visible), cpu (none), cuda:N.")
    ] = "auto",
    repeats: Annotated[int, typer.Option(min=3, help="Windows over which noise is measured.")] = 10,
    wall: Annotated[
        bool,
        typer.Option(
            "--wall",
            help="Take readings of a plug meter: later reports tell the energy at the wall, too.",
        ),
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="With --wall: how long each load runs.")
    ] = 15.0,
) -> None:
    """Say what this machine can measure, why not the rest, and how fine its figures are.

    With --wall and a plug meter between machine and wall: it rests, and makes half and full load;
    you say what the plug meter tells. In a terminal you are asked; elsewhere, or with readings
    noted before: greendapt doctor --wall 21,55,98
    """
    from greendapt.meter.doctor import examine, report_lines
    from greendapt.meter.record_text import as_json

    if wall or readings is not None:
        fit = _wall(readings, wall, device, seconds)
        if json:
            show_json(fit.model_dump_json(indent=2))
        else:
            show(_told(fit))
        return
    report = examine(device=device, repeats=repeats)
    if json:
        show_json(as_json(report))
    else:
        show("\n".join(report_lines(report)))


def _wall(readings: str | None, wall: bool, device: str, seconds: float) -> WallFit:
    import sys

    from greendapt.cli.running import note
    from greendapt.core.errors import MeterError
    from greendapt.meter.wall import LEVELS, given, parse, take

    if not wall:
        raise MeterError(f"'{readings}': readings of a plug meter go with --wall")
    if readings is not None:
        levels = given(parse(readings), seconds)
    elif sys.stdin.isatty():
        levels = dict.fromkeys(LEVELS, _ask)
    else:
        raise MeterError(
            "--wall asks for readings of a plug meter, but this is no terminal; give them: "
            "greendapt doctor --wall 21,55,98 (W at rest, half and full load)"
        )
    return take(levels, device, seconds, note)


def _ask(level: str) -> float:
    """Until it is a number of watts."""
    from greendapt.meter.wall import is_reading

    text = f"What does the plug meter tell at {level}, in W? Wait until it is steady"
    while True:
        watts: float = typer.prompt(text, type=float, err=True)
        if is_reading(watts):
            return watts
        say("give watts, such as 55")


def _told(fit: WallFit) -> str:
    return (
        f"At the wall: {fit.line}; the worst is {fit.residual_w:.2g} W off. Kept for this machine: "
        "what is measured from now on tells its energy at the wall (energy_wall_j), too."
    )
