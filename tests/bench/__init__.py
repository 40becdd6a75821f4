"""Measurements. Never a test of the machine: one may be slow without being wrong. Run `python -m tests.bench`.

How it is built, for whoever adds a stage:

A *stage* (`frame.Stage`: name, title, `run`) measures something beside its yardstick and gives an `Outcome`: tables and
pictures. A module of stages has `STAGES = (Stage(...), ...)` and is named in `stages.MODULES`; nothing else is to do.

Nearly every `run` is one call of `frame.compete(title, contestants, options, unit=…, goals=…)`. A *contestant*
(`frame.Contestant`) has

- `name`: what the table shows; goals name contestants by it,
- `open(place)`: an async context manager that starts real processes on free loopback ports, with their files in the
  fresh directory `place`, and gives a `Running` (or something made of it): `port`, and `pids`, the processes that are
  the server. What they start counts as theirs. It raises `Missing("postfix is not installed: apt-get install postfix")`
  where something is not there: the table says so and the others go on,
- `shoot(running, count, run)`: sends `count` messages (`run` is a word that no other shot has, for Message-IDs) and
  gives a `Shot(count=…, seconds=…)`, with what else it knows: `p50` and `p99` in ms, `generator` in µs a message.
  `value` replaces the rate where the stage does not measure messages a second (its `unit` says what),
- `least`: the fewest messages of one shot, such as the number of connections,
- `waits`: an extra wait after the shot that counts neither as time nor as CPU (a queue running empty).

`compete` starts all of them, warms them up, chooses for each how many messages fill `--seconds` (or takes `--count`),
lets them shoot by turns in an order that moves on with each repeat, and adds to each shot the processor time a message
(`cpu`, µs, user and system of all processes) and the memory in MiB (`memory`, resident; `share`, proportional).

A *goal* (`frame.Goal`) compares medians: `ours` with `against`, as a quotient or, with `difference`, subtracted;
without `against` the figure itself. `field` is that of `Shot` which is compared. `less`: smaller is better. It is
printed as reached or not, never asserted.

What is there to build contestants from:

- `processes`: `process(command)` (a program while the context is open, gives its pid), `free_port`, `listening`,
  `busy`, `resident`, `module(name, *arguments)` (the command line of one of our modules, in this interpreter);
- `bridges.bridge(place, …)`: the daemon as it is run; settings, a variant of the program and an environment as
  arguments; `bridges.configured(place, …)` only writes its files; `filling.fill(place, count)` makes it a backlog;
- `postfixes.postfix(place, …)`: a private Postfix with extra lines of main.cf and master.cf;
- `generators.volley(port, count, connections, …)`: SMTP, kept connections or one message each; `generators.posts(port,
  count, connections, path, body)`: HTTP POST over kept connections. Both are processes of their own and give a `Shot`;
- `sinks.provider()`: the lean websms, a process of its own, as a `Sink` (`port`, `count()`, `arrivals()`,
  `set(delay=…, status=…, silent=…)`, `reached(count)`); `sinks.mailbox()`: the same for mail over SMTP;
- `frame.Picture`: curves, drawn by `svg` into the directory of `--svg`.
"""
