"""A backtest as a page: plots, and beside each the table with the same numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from issuer.ground import pages
from issuer.recognition import plot, sentences

MOST_BARS = 15  # more would be no picture; the table has all


def page(report: Mapping[str, Any], *, community: str) -> str:
    """The page of a report as `backtest.to_json` gives it; counts that were held back are shown as such."""
    months = report["months"]
    tiers: Sequence[str] = list(report["best"])
    labels = [month["date"][:7] for month in months]
    plots = [
        {
            "title": sentences.tier_name(tier),
            "drawing": plot.lines(
                f"{sentences.tier_name(tier)} by month",
                "How many people hold the tier at each month's end, before and after; at the end "
                + " before and ".join(_shown(count) for count in months[-1]["tiers"][tier])
                + " after.",
                labels,
                {
                    "before": [month["tiers"][tier][0] or 0 for month in months],
                    "after": [month["tiers"][tier][1] or 0 for month in months],
                },
            ),
            "rows": [[month["date"][:7], *(_shown(n) for n in month["tiers"][tier])] for month in months],
        }
        for tier in tiers
    ]
    clauses = [(name, kept, cost) for name, (kept, cost) in report["clauses"].items()]
    blamed = {name: cost for name, _, cost in clauses if cost}
    return pages.render(
        "backtest.html",
        community=community,
        before=report["before"],
        after=report["after"],
        people=report["people"],
        best=[
            [sentences.tier_name(tier), *(_shown(n) for n in counts)] for tier, counts in report["best"].items()
        ],
        moves=[
            {
                "title": title,
                "people": _shown(report[name]["people"]),
                "tables": [
                    {"title": what, "rows": [[_words(k), _shown(n)] for k, n in report[name][key].items()]}
                    for what, key in (
                        ("From tier to tier", "by_tiers"),
                        ("By kind", "by_kind"),
                        ("By region", "by_region"),
                    )
                    if report[name][key]
                ],
            }
            for title, name in (("Who gains", "gains"), ("Who loses", "losses"))
        ],
        plots=plots,
        clauses=[[name, _shown(kept), _shown(cost)] for name, kept, cost in clauses],
        bars=plot.bars(
            "What single clauses cost",
            "For each clause, how many of those who lose would keep their tier if it alone were not there.",
            dict(list(blamed.items())[:MOST_BARS]),
        )
        if blamed
        else "",
    )


def _shown(count: int | None) -> str:
    return "a few" if count is None else str(count)


def _words(name: str) -> str:
    return sentences.kind_name(name) if name in sentences.KINDS else name.replace("->", "→")
