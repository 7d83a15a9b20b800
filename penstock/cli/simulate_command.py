"""The options of ``penstock simulate``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.exits import listing
from penstock.cli.options import Configuration
from penstock.simulator.autoscalers import BEGINS
from penstock.simulator.delays import Delays
from penstock.simulator.spoken import FORMS

_DEFAULTS = Delays()
_BEGINS = BEGINS.replace(tzinfo=None)
_AWS = "What AWS takes, in seconds"


def _delay(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar="SECONDS", help=text, min=0, rich_help_panel=_AWS
    )
    return option


def simulate(  # noqa: PLR0913 - a parameter per option is how typer works
    config: Configuration = Path("penstock.yaml"),
    *,
    api: Annotated[str | None, typer.Option("--api", metavar="NAME", help="Which AsyncAPI.")] = None,
    arrivals: Annotated[str, typer.Option("--arrivals", metavar="FORM", help=FORMS)] = "burst:1000",
    service_time: Annotated[
        str, typer.Option("--service-time", metavar="TIME", help="Median run of one request.")
    ] = "60s",
    spread: Annotated[
        float, typer.Option("--spread", min=0, max=5, help="Of runs: standard deviation of the logarithm.")
    ] = 0.3,
    template: Annotated[
        Path | None,
        typer.Option(
            "--template",
            metavar="FILE",
            help="Take bounds, policies and alarms from an API's synthesised template.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also Cortex's defaults, target tracking, and always on.")
    ] = False,
    price: Annotated[float, typer.Option("--price", min=0, help="Dollars for an hour of one task.")] = 1.0,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw it: .png, .svg or .pdf.")
    ] = None,
    begins: Annotated[
        datetime,
        typer.Option(
            "--begins",
            formats=["%Y-%m-%dT%H:%M"],
            help="When it begins, in UTC; counts for schedules.",
        ),
    ] = _BEGINS,
    seed: Annotated[int, typer.Option("--seed", help="Another one is another day.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
    provision: Annotated[float, _delay("--provision", "A new machine.")] = _DEFAULTS.provision,
    image_pull: Annotated[float, _delay("--image-pull", "Its image.")] = _DEFAULTS.image_pull,
    model_load: Annotated[float, _delay("--model-load", "From start to ready.")] = _DEFAULTS.model_load,
    idle_hold: Annotated[float, _delay("--idle-hold", "An idle machine is kept.")] = _DEFAULTS.idle_hold,
    spot_interruptions: Annotated[
        float,
        typer.Option("--spot-interruptions", min=0, help="Of one machine in an hour.", rich_help_panel=_AWS),
    ] = _DEFAULTS.spot_interruptions_per_hour,
) -> None:
    """Play arrivals against an API's scaling, with AWS's delays: waits, cost, and a picture."""
    from penstock.cli.simulate import Options  # noqa: PLC0415 - loads pydantic and YAML
    from penstock.cli.simulate import simulate as run  # noqa: PLC0415 - loads pydantic and YAML

    delays = Delays(
        provision=provision,
        image_pull=image_pull,
        model_load=model_load,
        idle_hold=idle_hold,
        spot_interruptions_per_hour=spot_interruptions,
    )
    run(
        Options(
            config=config,
            api=api,
            template=template,
            arrivals=arrivals,
            service_time=service_time,
            spread=spread,
            delays=delays,
            price=price,
            compare=compare,
            plot=plot,
            seed=seed,
            begins=begins.replace(tzinfo=UTC),
            as_json=as_json,
        )
    )


def add_to(app: typer.Typer) -> None:
    """Make it a command of the program."""
    app.command(epilog=listing())(simulate)
