"""The same rules for everybody: even ones look for a literal, odd ones for a regular expression, anywhere in the message."""

import uuid


def is_regex(number):
    return number % 2 == 1


def pattern(number):
    """What bench/workload.c writes into a matching line, and into no other."""
    return f"/opt/adm-{number:04}/bin/" + ("(grant|revoke)-[a-z]+" if is_regex(number) else "grant")


SIGMA = """---
title: Tool {number} was run
id: {id}
level: high
logsource: {{category: audit}}
detection:
    tool:
        '|{modifier}': '{pattern}'
    condition: tool
"""


def sigma(count):
    """Keyword searches: Sigma's own way to look anywhere in a record. The literals, as always in Sigma, in any case."""
    return "".join(
        SIGMA.format(number=i, id=uuid.UUID(int=i), pattern=pattern(i), modifier="re" if is_regex(i) else "contains")
        for i in range(count))


def vectorscan(count):
    return "".join(pattern(i) + "\n" for i in range(count))


def rsyslog(count, output):
    """As RainerScript; no rule stops the others."""
    tests = (f're_match($msg, "{pattern(i)}")' if is_regex(i) else f'$msg contains "{pattern(i)}"' for i in range(count))
    return "".join(f'if ({test}) then action(type="omfile" file="{output}" template="alert")\n' for test in tests)


def syslog_ng(count):
    """One log path each, all over the same source s and destination d."""
    kinds = ('type("pcre")' if is_regex(i) else 'type("string") flags("substring")' for i in range(count))
    return "".join(f'log {{ source(s); filter {{ message("{pattern(i)}" {kind}) }}; destination(d); }};\n'
                   for i, kind in enumerate(kinds))


def sagan(count):
    """As Snort's rules, without thresholds."""
    def test(i):
        escaped = pattern(i).replace("/", "\\/")
        return f'pcre:"/{escaped}/"' if is_regex(i) else f'content:"{pattern(i)}"'

    return "".join(f'alert any any any -> any any (msg:"Tool {i}"; {test(i)}; classtype: exploit-attempt; sid:{5000000 + i}; rev:1;)\n'
                   for i in range(count))
