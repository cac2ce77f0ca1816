"""A backtest as a page: plots, and beside each the table with the same numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from issuer.ground import pages
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.recognition import plot, sentences

MOST_BARS = 15  # more would be no picture; the table has all
_SIDES = ("gains", "losses")


def page(
    report: Mapping[str, Any],
    *,
    community: str,
    say: Voice = IN_ENGLISH,
    addresses: Mapping[str, str] | None = None,
) -> str:
    """The page of a report as `backtest.to_json` gives it; counts that were held back are shown as such.
    `addresses`: the page's own in each language, if it has one in each.
    """
    months = report["months"]
    tiers: Sequence[str] = list(report["best"])
    labels = [month["date"][:7] for month in months]
    plots = [
        {
            "title": sentences.tier_name(tier, say),
            "drawing": plot.lines(
                say("%(tier)s by month", tier=sentences.tier_name(tier, say)),
                say(
                    "How many people hold the tier at each month’s end, before and after; at the end %(before)s"
                    " before and %(after)s after.",
                    before=_shown(months[-1]["tiers"][tier][0], say),
                    after=_shown(months[-1]["tiers"][tier][1], say),
                ),
                labels,
                {
                    say("before"): [month["tiers"][tier][0] or 0 for month in months],
                    say("after"): [month["tiers"][tier][1] or 0 for month in months],
                },
            ),
            "rows": [[month["date"][:7], *(_shown(n, say) for n in month["tiers"][tier])] for month in months],
        }
        for tier in tiers
    ]
    badges = list(report.get("badges", {}).values())  # older reports have none
    clauses = [(name, kept, cost) for name, (kept, cost) in report["clauses"].items()]
    blamed = {name: cost for name, _, cost in clauses if cost}
    return pages.render(
        "backtest.html",
        language=say.code,
        can_switch=addresses is not None,
        addresses=addresses or {},
        community=community,
        before=report["before"],
        after=report["after"],
        people=report["people"],
        best=[
            [sentences.tier_name(tier, say), *(_shown(n, say) for n in counts)]
            for tier, counts in report["best"].items()
        ],
        moves=[
            {
                "title": title,
                "people": _shown(report[name]["people"], say),
                "tables": [
                    {
                        "title": what,
                        "rows": [[_words(k, say), _shown(n, say)] for k, n in report[name][key].items()],
                    }
                    for what, key in (
                        (say("From tier to tier"), "by_tiers"),
                        (say("By kind"), "by_kind"),
                        (say("By region"), "by_region"),
                    )
                    if report[name][key]
                ],
            }
            for title, name in ((say("Who gains"), "gains"), (say("Who loses"), "losses"))
        ],
        badges=[[say(one["title"]), *(_shown(n, say) for n in one["people"])] for one in badges],
        badge_moves=[_moved(one, say) for one in badges if any(one[side]["people"] != 0 for side in _SIDES)],
        plots=plots,
        clauses=[[name, _shown(kept, say), _shown(cost, say)] for name, kept, cost in clauses],
        bars=plot.bars(
            say("What single clauses cost"),
            say("For each clause, how many of those who lose would keep their tier if it alone were not there."),
            dict(list(blamed.items())[:MOST_BARS]),
        )
        if blamed
        else "",
    )


def _moved(counts: Mapping[str, Any], say: Voice) -> list[str]:
    """Of one badge: who gains and who loses, and where."""
    return [say(counts["title"]), *(_where(counts[side], say) for side in _SIDES)]


def _where(moves: Mapping[str, Any], say: Voice) -> str:
    where = ", ".join(f"{say(region)} {_shown(n, say)}" for region, n in moves["by_region"].items())
    return f"{_shown(moves['people'], say)} ({where})" if where else _shown(moves["people"], say)


def _shown(count: int | None, say: Voice) -> str:
    return say("a few") if count is None else str(count)


def _words(name: str, say: Voice) -> str:
    """A kind, a step from tier to tier, or a region, which is a name."""
    if name in sentences.KINDS:
        return sentences.kind_name(name, say)
    return " → ".join(_tier_or_name(one, say) for one in name.split(" -> "))


def _tier_or_name(name: str, say: Voice) -> str:
    return sentences.tier_name(name, say) if name in sentences.TIER_NAMES else say(name)
