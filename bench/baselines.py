#!/usr/bin/python3
"""make bench-baselines: precision and recall of the baselines in rules/baseline on a generated trace, against fixed thresholds.

The trace is 60 days of a Vault's audit and of sshd: people with habits of their own (hours, days, safes, networks, machines, how much
they do), whose days vary, who work late now and then, move to other tasks and travel. From day 30 on incidents are put into it and labelled.
The same seed gives the same trace. An alert is right if it is about an incident's person and time, and of that incident's kind. The control is one
threshold of its kind for everybody, the best that is found on the first 30 days.

`bench/baselines.py --seed N --days N --people N`. Only precision or recall below the floor that is written below makes it fail."""

import argparse
import collections
import datetime
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VEDETTE = os.environ.get("VEDETTE_BIN") or str(ROOT / "build" / "src" / "cmd" / "vedette")
START = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)
QUIET_DAYS = 30  # at the front: nothing is labelled there
DAY = 86400

# The file in rules/baseline, and below which precision or recall it is a failure. People do change their habits, so what is told of new
# networks, new safes and late hours is not all of it an incident.
KINDS = {"irregular_hours": (0.2, 0.8), "irregular_days": (0.4, 0.8), "irregular_network": (0.3, 0.8), "first_access_to_safe": (0.2, 0.8),
         "excessive_access": (0.8, 0.8), "dormant_user": (0.8, 0.8), "credentials_theft": (0.8, 0.8), "many_machines": (0.8, 0.8),
         "failed_vault_logons": (0.8, 0.8)}


class Person:
    def __init__(self, dice, number):
        self.name = f"p{number:03}"
        self.begins = dice.choice([6, 7, 8, 8, 9, 9, 10, 13, 22])  # a few work late, one shift works at night
        self.hours = dice.randint(7, 9)
        self.days = set(range(5)) if dice.random() < 0.85 else set(dice.sample(range(7), 5))
        self.safes = [f"Safe-{dice.randrange(60):02}" for _ in range(dice.randint(1, 5))]
        self.networks = [f"10.{dice.randrange(40)}.{dice.randrange(200)}" for _ in range(dice.randint(1, 3))]
        self.accounts = dice.sample(["root", "oracle", "postgres", "mysql", "sapadm"], 2)
        self.machines = [f"host{dice.randrange(120):03}" for _ in range(dice.randint(2, 6))]
        self.retrievals = dice.choice([2, 3, 5, 8, 15, 30])  # a day, on average


def poisson(dice, mean):
    limit, n, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        n, product = n + 1, product * dice.random()
    return n


class Trace:
    def __init__(self, seed, days, people):
        self.dice = random.Random(seed)
        self.days = days
        self.people = [Person(self.dice, i) for i in range(people)]
        self.events = []     # (seconds, line)
        self.incidents = []  # (kind, whom, from, until)
        self.away = collections.defaultdict(set)
        self.facts = []      # (seconds, what, person, value) for the control
        self.plan_incidents()
        for person in self.people:
            self.live(person)
        self.events.sort(key=lambda e: e[0])

    # --- What the logs say ---

    def put(self, at, line):
        when = (START + datetime.timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.events.append((at, line.replace("@", when, 1)))

    def vault(self, at, code, name, user, network, safe="", account=""):
        address = f"{network}.{self.dice.randrange(1, 250)}"
        self.put(at, f'<5>1 @ vault01 CEF:0|Cyber-Ark|Vault|12.6.0000|{code}|{name}|5|act="{name}" suser={user} fname=Root\\{account or "x"} dvc= shost={address} '
                     f'dhost= duser={account} externalId= app= reason= cs1Label="Affected User Name" cs1= cs2Label="Safe Name" cs2={safe} msg={name}')
        self.facts.append((at, code, user, network if code == 7 else safe))

    def ssh(self, at, user, host):
        self.put(at, f"<86>1 @ {host} sshd 4242 - - Accepted password for {user} from 192.0.2.50 port 40022 ssh2")
        self.facts.append((at, "ssh", user, host))

    # --- A person's days ---

    def live(self, person):
        dice = self.dice
        for day in range(self.days):
            weekday, holiday = day % 7, day in self.away[person.name]
            if holiday or weekday not in person.days or dice.random() < 0.05:
                continue
            if dice.random() < 0.01:  # a new task
                person.safes.append(f"Safe-{dice.randrange(60):02}")
            network = dice.choice(person.networks)
            if dice.random() < 0.004:  # travel
                network = f"172.16.{dice.randrange(250)}"
            begin = day * DAY + person.begins * 3600 + dice.randrange(1800)
            length = person.hours * 3600 + (3 * 3600 if dice.random() < 0.03 else 0)  # late, now and then
            busy = person.retrievals * dice.choice([0.7, 1, 1, 1, 1.3])
            self.vault(begin, 7, "Logon", person.name, network)
            for _ in range(poisson(dice, busy)):
                account = dice.choice(person.accounts)
                at = begin + dice.randrange(length)
                self.vault(at, 295, "Retrieve password", person.name, network, dice.choice(person.safes), account)
                if dice.random() < 0.5:
                    self.ssh(at + dice.randrange(30, 3000), account, dice.choice(person.machines))
            for _ in range(2):
                self.ssh(begin + dice.randrange(length), person.name, dice.choice(person.machines))
            if dice.random() < 0.08:  # a mistyped password
                for _ in range(dice.randint(1, 3)):
                    self.vault(begin + dice.randrange(60), 4, "User Authentication", person.name, network)

    # --- Incidents ---

    def plan_incidents(self):
        quiet = QUIET_DAYS
        for i, kind in enumerate(list(KINDS) * 6):
            person = self.people[(i * 7 + 3) % len(self.people)]
            day = quiet + 1 + self.dice.randrange(self.days - quiet - 2)
            getattr(self, kind)(person, day)

    def label(self, kind, whom, begin, length=DAY):
        self.incidents.append((kind, whom, begin, begin + length))

    def irregular_hours(self, person, day):
        day += (0 - day % 7) % 7 if day % 7 not in person.days else 0
        at = (day * DAY + ((person.begins + person.hours // 2 + 12) % 24) * 3600) % (self.days * DAY)
        self.vault(at, 295, "Retrieve password", person.name, person.networks[0], person.safes[0], "root")
        self.label("irregular_hours", person.name, at - 3600, 7200)

    def irregular_days(self, person, day):
        off = sorted(set(range(7)) - person.days)[0]
        day += (off - day) % 7
        if day >= self.days:
            day -= 7
        at = day * DAY + (person.begins * 3600 + 3600) % DAY
        self.vault(at, 295, "Retrieve password", person.name, person.networks[0], person.safes[0], "root")
        self.label("irregular_days", person.name, day * DAY)

    def irregular_network(self, person, day):
        at = day * DAY + person.begins * 3600 + 1800
        self.vault(at, 7, "Logon", person.name, f"198.51.{self.dice.randrange(100)}")
        self.label("irregular_network", person.name, at - 60, 120)

    def first_access_to_safe(self, person, day):
        at = day * DAY + person.begins * 3600 + 5400
        self.vault(at, 295, "Retrieve password", person.name, person.networks[0], "Domain-Admins", "root")
        self.label("first_access_to_safe", person.name, at - 60, 120)

    def excessive_access(self, person, day):
        begin = day * DAY + person.begins * 3600 + 600
        n = max(25, int(person.retrievals * 5))
        for i in range(n):
            self.vault(begin + i * 20, 295, "Retrieve password", person.name, person.networks[0], person.safes[0], "root")
        self.label("excessive_access", person.name, day * DAY, 2 * DAY)

    def dormant_user(self, person, day):
        name = f"left{len(self.incidents):03}"  # somebody who left early on
        for i in range(5):
            self.vault(i * DAY + 9 * 3600, 295, "Retrieve password", name, "10.1.1", "Safe-01", "root")
        at = max(day, 40) * DAY + 10 * 3600
        self.vault(at, 7, "Logon", name, "10.1.1")
        self.label("dormant_user", name, at - 60, 120)

    def credentials_theft(self, person, day):
        at = day * DAY + 12 * 3600
        self.ssh(at, "db2inst1", "host001")  # an account that nobody retrieves
        self.label("credentials_theft", "db2inst1", at - 60, 600)

    def many_machines(self, person, day):
        at = day * DAY + person.begins * 3600 + 7200
        for i in range(14):
            self.ssh(at + i * 20, person.name, f"host{i:03}")
        self.label("many_machines", person.name, at - 60, 3600)

    def failed_vault_logons(self, person, day):
        at = day * DAY + 5 * 3600
        for i in range(8):
            self.vault(at + i * 15, 4, "User Authentication", person.name, "203.0.113")
        self.label("failed_vault_logons", person.name, at - 60, 3600)


# --- One threshold for everybody ---------------------------------------------------------------------------------------------

def per_day(trace, code, distinct=False, window=DAY):
    seen = collections.defaultdict(lambda: collections.defaultdict(list))
    for at, what, who, value in trace.facts:
        if what == code:
            seen[who][int(at // window)].append((at, value))
    return [(items[-1][0], who, len({v for _, v in items}) if distinct else len(items))
            for who, days in seen.items() for items in days.values()]


def by_count(trace, code, distinct=False, window=DAY):
    """Alerts above the count that one in a thousand of the quiet days had."""
    counts = per_day(trace, code, distinct, window)
    quiet = sorted(n for at, _, n in counts if at < QUIET_DAYS * DAY)
    limit = quiet[int(len(quiet) * 0.999)] if quiet else 0
    return [(at, who) for at, who, n in counts if n > limit]


def control(trace, kind):
    facts = sorted(trace.facts, key=lambda fact: fact[0])
    if kind == "irregular_hours":
        return [(at, who) for at, what, who, _ in facts if what == 295 and not 7 <= at % DAY // 3600 < 20]
    if kind == "irregular_days":
        return [(at, who) for at, what, who, _ in facts if what == 295 and at // DAY % 7 >= 5]
    if kind == "irregular_network":
        return [(at, who) for at, what, who, network in facts if what == 7 and not network.startswith("10.")]
    if kind == "first_access_to_safe":
        return [(at, who) for at, what, who, safe in facts if what == 295 and safe == "Domain-Admins"]
    if kind == "excessive_access":
        return by_count(trace, 295)
    if kind == "dormant_user":
        return []
    if kind == "credentials_theft":
        return [(at, who) for at, what, who, _ in facts if what == "ssh" and who in ("root", "db2inst1")]
    if kind == "many_machines":
        return by_count(trace, "ssh", distinct=True, window=600)
    return by_count(trace, 4)


# --- What was right -------------------------------------------------------------------------------------------------------------

def judge(trace, kind, alerts):
    """(precision, recall, alerts) of what was said after the quiet days; alerts of one person within an hour are one."""
    wanted = [i for i in trace.incidents if i[0] == kind]
    told, right, found = [], 0, set()
    for at, who in sorted(alerts):
        if at < QUIET_DAYS * DAY or any(w == who and at - t < 3600 for t, w in told[-50:]):
            continue
        told.append((at, who))
        hits = [n for n, (_, whom, begin, end) in enumerate(wanted) if whom == who and begin <= at <= end]
        right += bool(hits)
        found.update(hits)
    return right / len(told) if told else float("nan"), len(found) / len(wanted) if wanted else float("nan"), len(told)


def alerts_of(trace, kind, folder):
    path = folder / "trace.log"
    if not path.exists():
        path.write_text("".join(line + "\n" for _, line in trace.events), encoding="ascii")
    done = subprocess.run([VEDETTE, "rules", "match", "--rules", str(ROOT / "rules" / "baseline" / f"{kind}.yml"), str(path)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    alerts = []
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        group = dict(part.split("=", 1) for part in finding["fields"]["correlation.group"].split(", "))
        alerts.append((trace.events[finding["event"] - 1][0], group.get("user.name") or group.get("account")))
    return alerts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--people", type=int, default=60)
    args = parser.parse_args()
    trace = Trace(args.seed, args.days, args.people)
    print(f"{len(trace.events)} events of {args.days} days and {args.people} people, {len(trace.incidents)} incidents, seed {args.seed}")
    print(f"{'':24}{'baseline':^34}{'one threshold for everybody':^34}")
    print(f"{'':24}{'alerts':>10}{'precision':>12}{'recall':>10}  {'alerts':>10}{'precision':>12}{'recall':>10}")
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, floor in KINDS.items():
            ours = judge(trace, kind, alerts_of(trace, kind, pathlib.Path(folder)))
            theirs = judge(trace, kind, control(trace, kind))
            print(f"{kind:24}{ours[2]:>10}{ours[0]:>12.2f}{ours[1]:>10.2f}  {theirs[2]:>10}{theirs[0]:>12.2f}{theirs[1]:>10.2f}")
            if not (ours[0] >= floor[0] and ours[1] >= floor[1]):
                bad.append(kind)
    if bad:
        sys.exit(f"below their floor: {', '.join(bad)}")


if __name__ == "__main__":
    main()
