"""Every starter template can be put in force on a real server, and holds there as its file says."""

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.rules.templates import fill, templates
from tests.server.clinic import Clinic
from tests.server.company import Company


async def test_a_therapist_sets_one_template_after_the_other(clinic: Clinic, thread: Company):
    who = thread.owner
    blanks = {
        "zone": "America/New_York",
        "start": "2026-09-07",
        "end": "2027-01-30",
        "on_call": bytes(who.account).hex(),
        "on_call_name": "Dr Lind",
    }
    seen = []
    for template in templates().values():
        rules = fill(template, {name: blanks[name] for name in template.blanks})
        version = (await clinic.line.call(endpoints.read_own_rules, token=who.token)).version
        done = await clinic.line.call(endpoints.set_own_rules, SetRules(version, rules), token=who.token)
        kept = await clinic.line.call(endpoints.read_own_rules, token=who.token)
        assert done.version == kept.version == version + 1 and done.threads >= 1
        assert [rule["kind"] for rule in kept.rules] == [rule["kind"] for rule in rules]
        seen.append(template.name)
    assert len(seen) >= 11
