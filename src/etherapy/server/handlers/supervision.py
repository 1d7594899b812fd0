"""What supervisors see: settings and decisions, never content (decisions.md D-17, D-32)."""

from etherapy.binary import B64, Id16
from etherapy.protocol.supervision import AuditRecord, Decisions, DecisionsQuery, Setting, Settings
from etherapy.server.parts import Ctx
from etherapy.server.sheets import read_rules


async def read_settings(ctx: Ctx) -> Settings:
    """The rule sets in force, of the practice and of each therapist."""
    rows = await ctx.parts.rule_sets.in_force(ctx.caller, ctx.now)
    return Settings(
        [
            Setting(
                owner=Id16(row["owner"]),
                name=row["display_name"],
                version=row["version"],
                rules=read_rules(row["rules"]),
                author=None if row["author"] is None else Id16(row["author"]),
                created_at=row["created_at"],
            )
            for row in rows
        ]
    )


async def read_decisions(ctx: Ctx, query: DecisionsQuery) -> Decisions:
    """Audit records in the order of the log. A message appears once it was released."""
    rows = await ctx.parts.rule_sets.decisions(ctx.caller, ctx.now, query.start, query.limit)
    return Decisions(
        [
            AuditRecord(row["index"], B64(row["salt"] or b""), B64(row["record"] or b""), row["recorded_at"])
            for row in rows
        ]
    )
