"""The rules and the dashboard in config/: what they ask for is there, and Prometheus can read them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as families

from bridge import metrics
from tests.console.conftest import Desk, desk_at
from tests.wait import until_async

CONFIG = Path(__file__).parent.parent / "config"
HEARTBEAT = '\n[heartbeat]\nnumber = "+43 660 0000098"\n'

RULES, DASHBOARD = CONFIG / "alerts.rules.yml", CONFIG / "grafana-dashboard.json"

NAMED = re.compile(r"\bsmsbridge_[a-z_]+")
LABELS = re.compile(r"\b(smsbridge_[a-z_]+)\{([^}]*)\}")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    """Everything that is asked of Prometheus."""
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["query"] for one in dashboard["templating"]["list"]]
    return asked + [rule["expr"] for rule in rules()]


async def a_scrape(desk: Desk) -> str:
    async with aiohttp.ClientSession() as client, client.get(f"{desk.base}/metrics") as answer:
        return await answer.text()


async def test_every_number_that_is_asked_for_is_in_a_real_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.daemon.scrape.AGAIN", 0.0)
    for gauge in metrics.GAUGES:
        monkeypatch.setattr(gauge, "value", 1.0)  # as once a heartbeat came back
    async with desk_at(tmp_path, console=HEARTBEAT) as desk:
        await desk.mail("Pump", "stands")

        async def reported() -> bool:
            return "smsbridge_webhook_silent_seconds " in await a_scrape(desk)

        await until_async(reported, "its report comes")
        text = await a_scrape(desk)
    found: dict[str, set[str]] = {}
    for family in families(text):
        found.setdefault(family.name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        # of a counter nothing has met yet there is no sample, and its name stands in the help all the same
        found.setdefault(f"{family.name}_total" if family.type == "counter" else family.name, set())
    for asked in expressions():
        assert set(NAMED.findall(asked)) <= found.keys(), asked
        for name, labels in LABELS.findall(asked):
            wanted = set(re.findall(r"([a-z]+)\s*(?:=|!=|=~)", labels)) - {"job", "instance"}
            assert not found[name] or wanted <= found[name], asked


def test_every_rule_says_what_is_the_case_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"]


def test_the_rules_tell_of_what_they_must() -> None:
    told = {rule["alert"].removeprefix("Smsbridge") for rule in rules()}
    assert {"Down", "QueueOld", "Paused", "DeadLetter", "Unknown", "Held", "Disk"} <= told
    assert {"WebhookSilent", "HeartbeatMissing", "Limit", "SpoolUnavailable"} <= told


def test_panels_lie_side_by_side() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_reads_the_rules() -> None:
    checked = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_understands_a_scrape(tmp_path: Path) -> None:
    text = (
        "# HELP smsbridge_queue Deliveries that are not done.\n# TYPE smsbridge_queue gauge\n"
        'smsbridge_queue{channel="sms",state="unknown"} 1\n'
    )
    cases = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'up{job="smsbridge",instance="a"}', "values": "1+0x5 0+0x60"},
                    {"series": 'smsbridge_queue{channel="sms",state="unknown"}', "values": "1+0x60"},
                    {"series": "smsbridge_dead_letters_total", "values": "0+0x10 1+0x50"},
                    {"series": "smsbridge_heartbeat_missing", "values": "0+0x60"},
                    {
                        "series": 'smsbridge_outcomes_total{channel="sms",outcome="accepted",code="2000"}',
                        "values": "0+1x60",
                    },
                    {"series": 'smsbridge_webhook_calls_total{answer="ok"}', "values": "0+1x60"},
                ],
                "alert_rule_test": [
                    {"eval_time": "30m", "alertname": name, "exp_alerts": list[str]()}
                    for name in ("SmsbridgeHeartbeatMissing", "SmsbridgeWebhookSilent", "SmsbridgeHeld")
                ],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                        "eval_time": "30m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for name in ("SmsbridgeDown", "SmsbridgeUnknown", "SmsbridgeDeadLetter")
                ],
            }
        ],
    }
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases))
    tested = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "cases.yml"], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stderr
