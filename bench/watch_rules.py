"""The rules and the events of make bench-watch."""

import os
import pathlib
import shutil
import subprocess

import rules
from harness import PROGRAMS, ROOT, SCRATCH, SHORT, folder

ARCHIVE = pathlib.Path(os.environ.get("SIGMA", ROOT / "../shared/corpora/sigma/rules.tar.xz"))
LINES = 100_000 if SHORT else 1_000_000
EVERY = 10_000  # one line of so many matches a planted rule
COUNTS = (10, "all") if SHORT else (10, 100, 1000, "all")
PLANTED = 10
GENERATED = 1000  # where there are no public rules


def public_rules():
    """The files of SigmaHQ's rules in force, in order; none without the archive."""
    home = SCRATCH / "sigma"
    if not ARCHIVE.exists():
        return []
    if not home.exists():
        fresh = folder("sigma.new")
        subprocess.run(["tar", "-xf", ARCHIVE, "-C", fresh], check=True)
        fresh.rename(home)
    return sorted(path for path in home.glob("rules*/**/*.yml"))


def rule_folder(count):
    """A folder with so many public rules, and the planted ones that the workload's matches are for; the starter pack at `all`."""
    path = SCRATCH / f"rules-{count}"
    if path.exists():
        return path
    path = folder(f"rules-{count}")
    public = public_rules()
    if count == "all":
        shutil.copytree(ROOT / "rules", path / "starter")
    wanted = len(public) if count == "all" else count - PLANTED
    if public:
        (path / "planted.yml").write_text(rules.sigma(PLANTED))
    else:
        (path / "generated.yml").write_text(rules.sigma(GENERATED if count == "all" else count))
    for number, source in enumerate(public[:wanted]):
        shutil.copy(source, path / f"{number:04}.yml")
    return path


def estate(lines, every=EVERY):
    """A file of such lines; see bench/estate.c."""
    path = SCRATCH / f"estate-{lines}-{every}"
    if not path.exists():
        fresh = path.with_suffix(".new")
        with open(fresh, "wb") as out:
            subprocess.run([PROGRAMS / "estate", str(lines), str(min(every, lines)), str(PLANTED)], stdout=out, check=True)
        fresh.rename(path)
    return path
