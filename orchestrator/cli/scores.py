"""`desk scores`: how well each module and strategy did of late, and what that advises."""

from __future__ import annotations

import typer

from orchestrator.cli import show
from orchestrator.cli.target import builder
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import ScoreDoc, score_path
from orchestrator.domain.scores import Score


def scores(ctx: typer.Context, as_json: show.AsJson = False) -> None:
    """Show the newest scores: parts from 0 to 1, the score from 0 to 100 and how it moved in a week."""
    paths = [score_path(module) for module in ModuleName]
    found = builder(ctx).store.get_many(paths)
    docs = [decode(ScoreDoc, found[path].data, where=path) for path in paths if path in found]
    if as_json:
        show.print_json({doc.module.value: encode(doc) for doc in docs})
        return
    if not docs:
        show.console().print("no scores yet: the sweeper writes them once a UTC day, of the modules that have run")
        return
    numbers = ("trades", "gain", "risk", "calibration", "slippage", "uptime", "score", "trend")
    table = show.table("module", "strategy", *numbers, "advice", "share", numbers=numbers)
    for doc in docs:
        table.add_row(doc.module.value, "", *_row(doc.own), "")
        for name, score in doc.strategies.items():
            share = doc.shares.get(name)
            table.add_row("", name, *_row(score), "" if share is None else f"{share:.1%}")
    show.console().print(table)


def _row(score: Score) -> tuple[str, ...]:
    parts = score.parts
    figures = () if parts is None else (parts.gain, parts.risk, parts.calibration, parts.slippage, parts.uptime)
    shown = [f"{figure:.2f}" for figure in figures] or ["–"] * 5
    total = "–" if score.score is None else f"{score.score:.0f}"
    trend = "–" if score.trend is None else f"{score.trend:+.1f}"
    return (str(score.trades), *shown, total, trend, score.advice)
