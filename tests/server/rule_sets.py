"""Rule sets as their authors set them on a running server, and the sheets that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet, SetRules
from etherapy.protocol.endpoint import Endpoint
from etherapy.protocol.messages import AskPreview, Previewed
from etherapy.protocol.threads import Sheet
from etherapy.rules.resolved import Rules
from tests.server.asking import Answer, Ask
from tests.server.clinic import Clinic
from tests.server.company import Company

Document = Mapping[str, Any]
TABLE: dict[str, tuple[Endpoint[Any, Any], Endpoint[Any, Any], Endpoint[Any, Any]]] = {
    "own": (endpoints.read_own_rules, endpoints.set_own_rules, endpoints.check_own_rules),
    "practice": (endpoints.read_practice_rules, endpoints.set_practice_rules, endpoints.check_practice_rules),
    "agreement": (endpoints.read_agreement, endpoints.set_agreement, endpoints.check_agreement),
    "exception": (endpoints.read_exceptions, endpoints.set_exceptions, endpoints.check_exceptions),
}


def days(n: int) -> dict[str, object]:
    """A reply within so many working days."""
    return {"kind": "response.target", "target": {"count": "business_days", "n": n}}


def open_on(*weekdays: str, start: str = "09:00", end: str = "17:00") -> dict[str, object]:
    """Hours on these days in New York."""
    window = {"days": list(weekdays), "start": start, "end": end}
    return {"kind": "window.weekly", "zone": "America/New_York", "windows": [window]}


@dataclass(frozen=True)
class Keeper:
    """Somebody who keeps rules, in one thread where the layer asks for one."""

    clinic: Clinic
    who: str
    thread: bytes | None = None

    @property
    def token(self) -> str:
        return self.clinic.people[self.who].token

    def _path(self, endpoint: Endpoint[Any, Any]) -> dict[str, Any]:
        return dict.fromkeys(endpoint.parameters, self.thread)

    async def read(self, layer: str) -> RuleSet:
        endpoint = TABLE[layer][0]
        found: RuleSet = await self.clinic.line.call(endpoint, token=self.token, **self._path(endpoint))
        return found

    async def set(self, layer: str, *rules: Document) -> RulesSet:
        """What is answered to rules that are in force from now on."""
        endpoint, body = TABLE[layer][1], await self._body(layer, rules)
        done: RulesSet = await self.clinic.line.call(endpoint, body, token=self.token, **self._path(endpoint))
        return done

    async def check(self, layer: str, *rules: Document, query: str = "") -> RulesChecked:
        endpoint, body = TABLE[layer][2], await self._body(layer, rules)
        found: RulesChecked = await self.clinic.line.call(
            endpoint, body, query, token=self.token, **self._path(endpoint)
        )
        return found

    async def ask(self, layer: str, *rules: Document, follows: int | None = None) -> Answer:
        """Whatever is answered to these rules."""
        endpoint = TABLE[layer][1]
        body = (
            await self._body(layer, rules) if follows is None else SetRules(follows, [dict(r) for r in rules])
        )
        path = endpoint.fill(self._path(endpoint))
        return await self.clinic.line.ask(Ask(endpoint.method, path, body=body), self.token)

    async def _body(self, layer: str, rules: tuple[Document, ...]) -> SetRules:
        return SetRules((await self.read(layer)).version, [dict(rule) for rule in rules])


async def sheet(company: Company, who: str) -> Sheet:
    """The newest sheet as somebody in the thread is given it."""
    found: Sheet = await company.call(who, endpoints.read_sheet)
    return found


async def rules(company: Company, who: str) -> Rules:
    """The rules as they hold for them."""
    found = await sheet(company, who)
    return Rules.from_canonical(bytes(found.shared)).with_part(bytes(found.part))


async def preview(company: Company, who: str, **how: Any) -> Previewed:
    found: Previewed = await company.call(who, endpoints.preview, AskPreview(**how))
    return found
