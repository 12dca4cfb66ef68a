"""The public page in a real browser: narrow, wide, light and dark."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from remediate.core.playbook import Severity
from remediate.incident.messages import Message
from remediate.incident.status_page import histories
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from support.browser import CHROMIUM, browser
from support.status_pages import HOSTILE, static, told

CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const part = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = element => {
    const color = getComputedStyle(element).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : color;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = 99;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim()) continue;
    const [a, b] = [light(getComputedStyle(node.parentElement).color), light(ground(node.parentElement))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
})()
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no browser here: sh tests/get-programs.sh")
def test_a_real_browser_shows_it_narrow_and_wide_in_light_and_dark(tmp_path: Path) -> None:
    one, two = new_run_id(), new_run_id()
    said: Sequence[Message] = [
        *(told(one, number, status, HOSTILE, name=HOSTILE) for number, status in enumerate(IncidentStatus)),
        *(told(two, number, status) for number, status in enumerate(list(IncidentStatus)[:3])),
        told(new_run_id(), 5, IncidentStatus.INVESTIGATING, severity=Severity.SEV2),
    ]
    static(tmp_path).publish(said[0], lambda: histories(said))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser(Path(profile)) as window:
        for width in (320, 375, 1280):
            for dark in (False, True):
                window.show(tmp_path / "index.html", width=width, dark=dark)
                window.value("document.querySelectorAll('details').forEach(each => each.open = true)")
                assert window.value("document.documentElement.scrollWidth") <= width
                assert window.value(CONTRAST) >= 4.5, "WCAG AA"
                # Only the page itself was asked for, and nothing ran or complained.
                page = (tmp_path / "index.html").as_uri()
                assert [url for url in window.asked if not url.startswith("data:")] == [page]
                assert not [event for event in window.events if event["method"] == "Log.entryAdded"]
                assert not [event for event in window.events if event["method"].startswith("Page.javascript")]
                assert window.value("document.querySelector('h1').getBoundingClientRect().top") < 100
                assert window.value("document.querySelector('.state').getBoundingClientRect().bottom") < 300
