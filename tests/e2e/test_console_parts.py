"""Parts of the console that can be tried alone, in the browser they are for."""

from __future__ import annotations

from tests.browser import OpenPage
from voyant_cloud.testing import VoyantServer


def test_json_is_judged_as_the_browser_judges_it(server: VoyantServer, open_page: OpenPage) -> None:
    """What the page's own check takes and refuses is what JSON.parse does, and a number comes back with its digits."""
    page = open_page(f"{server.url}/console").page
    good = ["1", "-0.5e+7", '"\\u00e9\\n"', "[]", "{}", '{"a":[1,{"b":null}],"":true}', " [ 1 , 2 ]\n", "[[[]]]"]
    bad = [
        "",
        "01",
        "1.",
        "+1",
        "[1,]",
        "{,}",
        '{"a":1,}',
        '{"a"}',
        "[1 2]",
        "]",
        "{]",
        '"\\x"',
        '"\t"',
        "truex",
        "[1}",
        "nul",
    ]
    judge = """async (texts) => {
        const { findProblem } = await import("/console/json.js");
        const parses = (text) => { try { JSON.parse(text); return true; } catch { return false; } };
        return texts.map((text) => [findProblem(text) === null, parses(text)]);
    }"""
    assert page.evaluate(judge, good) == [[True, True]] * len(good)
    assert page.evaluate(judge, bad) == [[False, False]] * len(bad)
    exact = '[12345678901234567890,0.1234567890123456789,{"a":-98765432109876543210}]'
    again = 'async (text) => JSON.stringify((await import("/console/json.js")).parse(text))'
    assert page.evaluate(again, exact) == exact


def test_rates_are_what_was_published_between_answers(server: VoyantServer, open_page: OpenPage) -> None:
    """A new channel counts from nothing if it would have been listed before; a smaller count is a new history."""
    page = open_page(f"{server.url}/console").page
    script = """async () => {
        const { Rates } = await import("/console/rates.js");
        const rates = new Rates();
        const answer = (counts) => Object.entries(counts).map(([channel, published]) => ({ channel, published }));
        const knows = (name) => name.startsWith("new");
        rates.update(0, answer({ a: 100, b: 50 }), knows);
        const first = rates.of(null);
        rates.update(2000, answer({ a: 120, b: 4, new: 6, other: 9 }), knows);
        const second = [rates.of("a"), rates.of("b"), rates.of("new"), rates.of("other"), rates.of(null)];
        for (let at = 3000; at <= 80000; at += 1000) rates.update(at, answer({ a: 120 }), knows);
        return [first, second, rates.of("a"), rates.series(null, 80000).length];
    }"""
    assert page.evaluate(script) == [0, [10, 2, 3, 0, 15], 0, 61]
