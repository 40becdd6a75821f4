"""The spool on a PostgreSQL server that several nodes share. Same contract, same moves, same tables as on SQLite.

**What is shared.** Most of SQL's text is SQLite's, translated (`dialect`): what differs in meaning would be found by
the contract tests, which run on both. The few operations that every message needs are written for many rows at once
(`taking`, `starting`, `moving`), since here each statement is a trip to a server. One thread and one connection of each
node write (`lane`): everything that waits goes into one transaction, and each asker is answered after its commit.

**Counted together.** Token buckets (`pool`), over a connection of its own, so that no transaction holds one; what nodes
learnt of phones and of the account (`news`); and how the calls are divided (`nodes.Shares`).

**Fencing.** A node is a row in `nodes` under a name that is never used twice. Each transaction of a node begins by
counting that row up, which does three things in one trip: it is the heartbeat, it is refused once another node took
this one for dead, and it tells later whether a commit whose answer was lost took place. A node is taken for dead when
another one, itself awake all the time, saw its count stand still for `dead_after` seconds; no clocks are compared.

- Leases of the dead fall back: they stand on queued deliveries only, on those past their end.
- What was SENDING by the dead becomes UNKNOWN (SMS) or QUEUED (mail), never before: a call may be under way.
- What is due is found, locked and put into SENDING by one statement of a fenced transaction (`starting`), which is
  committed directly before the calls: nothing is handed out that could lapse in between. The delivery keeps the name of
  the node that makes the call. A node that wakes finds itself fenced, takes a new name, and the moves it had in mind
  are refused; the answer to a call that it began under the old name still counts, as long as nobody has begun another
  one since.

A node that freezes between that commit and its call makes the call when it wakes. No store can prevent that: on `hold`
routes nothing else sends meanwhile, on `resend` routes the message may go twice, as everywhere after a lost answer.
"""
