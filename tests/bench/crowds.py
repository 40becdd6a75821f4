"""Throughput and latency against load: the same mails over more and more connections."""

from tests.bench import contestants as who
from tests.bench.frame import Options, Outcome, Picture, Stage, Table, compete, grouped

CONNECTIONS = (1, 10, 50, 200)
_QUICK = (1, 10)


async def crowds(options: Options) -> Outcome:
    """1, 10, 50 and 200 kept connections."""
    tables: list[Table] = []
    loads = _QUICK if options.quick else CONNECTIONS
    for connections in loads:
        shoot = who.shoots(connections)
        doors = [kind(shoot, max(connections, 50)) for kind in (who.ours, who.holding, who.stock)]
        tables.append(await compete(f"mail accepted durably, {connections} kept connections", doors, options))
    pictures = [
        Picture(
            name=name,
            title=f"{title} against load",
            x="kept connections, each sending one mail after the other",
            y=unit,
            curves=grouped(tables, field, loads),
            log_y=log_y,
        )
        for name, title, unit, field, log_y in (
            ("load-throughput", "mails accepted", "mails/s", "measured", False),
            ("load-latency", "latency, MAIL to 250, median", "ms", "p50", True),
            ("load-latency-p99", "latency, MAIL to 250, 99th percentile", "ms", "p99", True),
            ("load-cpu", "processor time of a mail", "µs", "cpu", False),
        )
    ]
    return Outcome(tables=tables, pictures=pictures)


STAGES = (Stage(name="load", title="throughput and latency against the number of connections", run=crowds),)
