"""Started by root, each process becomes a user of its own, and the line holds all the same.

The users exist for vedette alone: it sees copies of /etc/passwd and /etc/group that have them."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import vedette as program
from peers.enclosure import wait_until
from peers.postfix import Postfix

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")

FIRST_ID = 61840
NAMES = ["keeper", "watch", "courier", "gateway", "correlate"]
IDS = {name: FIRST_ID + 1 + i for i, name in enumerate(NAMES)}


@pytest.fixture(name="users")
def fixture_users(scratch):
    """The command that shows what follows it the users of packaging/sysusers.conf."""
    folder = scratch("etc")
    # Without those that this machine may have: theirs would come first.
    passwd, group = ("".join(line for line in open(f"/etc/{name}", encoding="utf-8") if not line.startswith("vedette"))
                     for name in ("passwd", "group"))
    group += f"vedette:x:{FIRST_ID}:vedette-courier,vedette-gateway\n"
    for name, number in IDS.items():
        passwd += f"vedette-{name}:x:{number}:{number}::/:/usr/sbin/nologin\n"
        group += f"vedette-{name}:x:{number}:\n"
    (folder / "passwd").write_text(passwd)
    (folder / "group").write_text(group)
    mount = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", mount, str(folder)]
    probe = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mounts of our own here: {probe.stderr.strip()}")
    return prefix


@pytest.fixture(name="own")
def fixture_own(scratch, users):
    """Vedette with its own gateway and the users, in a folder that others may enter."""
    running = []

    def start(**settings):
        running.append(program.OwnGateway(scratch("own"), prefix=users, **{"privileges": "auto", **settings}))
        return running[-1]

    yield start
    for one in running:
        one.kill()


def uids(daemon):
    """Of each child: real, effective, saved and file system uid, which must be one."""
    found = {}
    for name, pid in daemon.children().items():
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        found[name] = {int(uid) for line in lines if line.startswith("Uid:") for uid in line.split()[1:]}
    return found


def check(daemon):
    done = subprocess.run([*daemon.prefix, program.binary(), "check", "--json", "-c", str(daemon.config)],
                          capture_output=True, text=True, check=False, timeout=60)
    return json.loads(done.stdout)


def capabilities(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapAmb"))]


def test_each_process_has_a_user_of_its_own_and_the_alert_lands(own):
    daemon = own(privileges="required", watch_processes=2)
    found = uids(daemon)
    assert {"watch", "watch-2", "courier", "gateway"} == set(found)
    assert all(users == {IDS[name.split("-")[0]]} for name, users in found.items())
    assert all(not any(capabilities(pid)) for pid in daemon.children().values())
    daemon.raise_alert("dropped")
    daemon.wait_for_state("landed")
    assert (daemon.dir / "state" / "vedette.db").stat().st_uid == IDS["courier"]
    control = (daemon.dir / "state" / "run" / "control").stat()
    assert (control.st_gid, control.st_mode & 0o777) == (FIRST_ID, 0o660)
    mails = list((daemon.dir / "inbox" / "new").iterdir())
    assert mails
    for mail in mails:
        stat = mail.stat()
        assert (stat.st_uid, stat.st_gid, stat.st_mode & 0o777) == (IDS["gateway"], FIRST_ID, 0o640)


def test_a_restarted_process_becomes_its_user_again(own):
    daemon = own()
    pid = daemon.children()["courier"]
    os.kill(pid, 9)
    wait_until(lambda: daemon.children().get("courier") not in (None, pid), 20, "a new courier")
    daemon.raise_alert("again")
    daemon.wait_for_state("landed")
    assert uids(daemon)["courier"] == {IDS["courier"]}


def test_what_an_earlier_run_as_root_left_is_taken_over(own):
    daemon = own(privileges="keep")
    assert set.union(*uids(daemon).values()) == {0}
    daemon.raise_alert("first")
    daemon.wait_for_state("landed")
    assert daemon.stop() == 0
    daemon.settings["privileges"] = "required"
    daemon.write_config()
    daemon.start()
    daemon.raise_alert("second")
    daemon.wait_for_state("landed", 2)


def test_a_file_with_a_second_name_elsewhere_is_not_given_away(own):
    daemon = own(start=False)
    precious = daemon.dir / "precious"
    precious.write_text("root's")
    (daemon.dir / "state").mkdir()
    os.link(precious, daemon.dir / "state" / "innocent")
    os.symlink(precious, daemon.dir / "state" / "pointer")
    daemon.start()
    assert precious.stat().st_uid == 0


def test_where_a_user_cannot_go_its_process_stays_root_and_says_so(own):
    daemon = own(start=False)
    daemon.dir.chmod(0o700)
    told = check(daemon)
    assert told["ok"] and any("vedette-courier: this user cannot reach" in note for note in told["warnings"]), told
    daemon.start()
    assert set.union(*uids(daemon).values()) == {0}
    assert "instead_of=vedette-courier" in daemon.words()
    daemon.raise_alert("kept")
    daemon.wait_for_state("landed")


def test_where_a_user_is_required_and_cannot_go_nothing_starts(own):
    daemon = own(start=False, privileges="required")
    daemon.dir.chmod(0o700)
    told = check(daemon)
    assert not told["ok"] and "privileges: required" in told["errors"][0]["message"], told
    with pytest.raises(AssertionError, match="ended with 78"):
        daemon.start(within=10)


def with_password(folder, port, certificates, **options):
    entry = program.gateway(port, security="starttls", ca_file=certificates.ca, verify_name=certificates.NAME,
                            username=Postfix.USER, password=Postfix.PASSWORD)
    return program.Vedette(folder, [entry], privileges="required", **options)


def give_secret(daemon, uid):
    for path in (daemon.dir / "secrets", daemon.dir / "secrets" / "primary"):
        os.chown(path, uid, uid)


def test_check_tells_of_a_secret_that_the_keeper_cannot_read(scratch, users, certificates):
    daemon = with_password(scratch("owner"), 2525, certificates, start=False, prefix=users)
    told = check(daemon)
    assert [error["message"] for error in told["errors"] if "keeper" in error["message"]], told
    give_secret(daemon, IDS["keeper"])
    assert check(daemon)["ok"]


def test_the_users_that_we_bring_are_such_as_systemd_makes(tmp_path):
    if not shutil.which("systemd-sysusers"):
        pytest.skip("there is no systemd-sysusers here")
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "--replace=/usr/lib/sysusers.d/vedette.conf",
                    program.ROOT / "packaging" / "sysusers.conf"], check=True)
    made = (tmp_path / "etc" / "passwd").read_text()
    assert all(f"vedette-{name}:" in made for name in IDS), made
    assert "vedette-courier,vedette-gateway" in (tmp_path / "etc" / "group").read_text()


def test_a_credential_of_systemd_reaches_the_gateway_though_its_file_is_for_root_alone(
        scratch, users, certificates, postfix):
    daemon = with_password(scratch("credential"), postfix.port["submission"], certificates, start=False, prefix=users)
    daemon.settings["gateways"][0]["password"] = "secret:systemd/primary"
    daemon.write_config()
    daemon.prefix += ["env", f"CREDENTIALS_DIRECTORY={daemon.dir / 'secrets'}"]
    try:
        daemon.start()
        assert uids(daemon)["keeper"] == {IDS["keeper"]}
        daemon.raise_alert("credential")
        daemon.wait_for_state("handed-over")
    finally:
        daemon.kill()


def test_check_tells_of_a_log_that_the_watch_cannot_read(own):
    daemon = own(start=False)
    log = daemon.dir / "audit.log"
    log.touch(mode=0o600)
    daemon.settings["inputs"] = [{"file": str(log)}]
    daemon.write_config()
    words = f"{log} cannot be read by user vedette-watch"
    assert any(words in note for note in check(daemon)["warnings"])
    log.chmod(0o644)
    assert not any(words in note for note in check(daemon)["warnings"])


PIPELINE = "name: p\ntransformations:\n  - {type: field_name_mapping, mapping: {Old: new}}\n"
READ_BY_THE_WATCH = {"rules": ["rules/test.yml"], "lists": [{"name": "admins", "file": "admins"}],
                     "pipelines": ["pipeline.yml"], "masks": ["masks"]}


@pytest.mark.parametrize("key, file", [("rules", "rules/test.yml"), ("lists", "admins"), ("pipelines", "pipeline.yml"),
                                       ("masks", "masks")])
def test_check_tells_which_file_of_the_rules_the_watch_cannot_read(own, key, file):
    daemon = own(start=False, **{key: READ_BY_THE_WATCH[key]})
    (daemon.dir / "admins").write_text("root\n")
    (daemon.dir / "pipeline.yml").write_text(PIPELINE)
    (daemon.dir / "masks").mkdir()
    (daemon.dir / file).chmod(0o755)
    words = f"this user cannot read {daemon.dir / file}"

    def told():
        answer = check(daemon)
        return [note.partition(":")[0] for note in answer["warnings"] if words in note]

    assert told() == []
    (daemon.dir / file).chmod(0o700)
    assert told() == ["vedette-watch", "vedette-correlate"]
    if key == "masks":  # a folder that shows its names and opens nothing
        (daemon.dir / file).chmod(0o744)
        assert told() == ["vedette-watch", "vedette-correlate"]
    daemon.settings["privileges"] = "required"
    daemon.write_config()
    answer = check(daemon)
    assert not answer["ok"] and words in answer["errors"][0]["message"], answer


def test_the_keeper_hands_out_a_secret_that_is_its_own(scratch, users, certificates, postfix):
    daemon = with_password(scratch("keeper"), postfix.port["submission"], certificates, start=False, prefix=users)
    give_secret(daemon, IDS["keeper"])
    try:
        daemon.start()
        assert uids(daemon)["keeper"] == {IDS["keeper"]}
        daemon.raise_alert("secret")
        daemon.wait_for_state("handed-over")
    finally:
        daemon.kill()
    # Without a daemon the command reads the secret itself, as root.
    done = subprocess.run([*users, program.binary(), "test", "--gateway", "primary", "-c", str(daemon.config)],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compiled_rules_are_kept_where_only_root_writes_and_the_watch_finds_them(own):
    daemon = own(privileges="required")
    for start in ("compiled=2 from_cache=0", "compiled=0 from_cache=2"):
        assert start in daemon.words()
        cache = daemon.dir / "state" / "cache"
        wait_until(lambda: len(list(cache.iterdir())) == 2, 20, "what was compiled to be kept")
        for path in (cache, *cache.iterdir()):
            stat = path.stat()
            assert (stat.st_uid, stat.st_mode & 0o7777) == (0, 0o755 if path == cache else 0o644)
        assert daemon.stop() == 0
        daemon.start()
