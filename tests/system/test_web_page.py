"""The page in a real browser: what people see, and that nothing in a log is ever more than text."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from support.pages import CHROMIUM, Page, page_of
from support.programs import Start, Until
from support.tabs import counts, shows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
]

HOSTILE = (
    "<script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "<svg onload=document.title='taken'>",
    '"><a href="javascript:document.title=\'taken\'">click</a>',
    "'-document.title='taken'-'",
    "{{constructor.constructor('document.title=1')()}}",
    "</textarea></style></script><script>document.title='taken'</script>",
    '{"msg": "<iframe srcdoc=\\"<script>parent.document.title=1</script>\\">", "__proto__": {"taken": 1}}',
    "data: x\\n\\nevent: bye\\ndata: {}",
    "\x1b]0;taken\x07 \u202egnp.exe \u2028\u2029 \x00",
)
"""Records, hosts, labels and names of files that want to be more than text."""


@pytest.fixture
def page(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page that is served."""
    return page_of(start, broker_url, tmp_path, eventually)


def test_records_come_and_a_filter_lives_in_the_address(page: Page, tab: Tab) -> None:
    """What is published appears; what is typed narrows it, is in the address, and holds after a reload."""
    tab.goto(page.url)
    page.ship(b"INFO order 1 placed\nERROR order 2 failed\n")
    shows(tab, "order 1 placed")
    tab.fill("[name=text]", "fail(ed)")
    tab.wait_for_url("**/?text=fail%28ed%29")
    counts(tab.locator(".row"), 1)
    shows(tab, "order 2 failed")
    tab.reload()
    shows(tab, "order 2 failed")
    assert tab.input_value("[name=text]") == "fail(ed)"
    counts(tab.locator(".row"), 1)


def test_a_wrong_pattern_is_explained_and_can_be_mended(page: Page, browser: Browser) -> None:
    """A pattern that is none is explained in words; the right one shows records again."""
    page.ship(b"one\n")
    tab = browser.new_page()  # the browser itself writes a 400 to its console
    tab.goto(f"{page.url}/?text=on(e")
    tab.locator("#problem", has_text="missing )").wait_for()
    tab.fill("[name=text]", "one")
    shows(tab, "one")
    assert not tab.is_visible("#problem")
    tab.close()


def test_pause_and_resume(page: Page, tab: Tab) -> None:
    """What comes during a pause is counted and not shown; after it, everything is there, in order."""
    tab.goto(page.url)
    page.ship(b"before 1\nbefore 2\n")
    shows(tab, "before 2")
    tab.click("#pause")
    page.ship(b"during 1\nduring 2\n")
    tab.locator("#counts", has_text="2 waiting").wait_for()
    assert tab.locator(".row").count() == 2
    tab.click("#pause")
    shows(tab, "during 2")
    assert tab.locator(".row .message").all_inner_texts() == ["before 1", "before 2", "during 1", "during 2"]


def test_only_what_is_in_sight_is_drawn_and_what_is_skipped_is_said(page: Page, tab: Tab) -> None:
    """Of 30,000 records, few elements exist; shown and skipped ones are all that were sent."""
    tab.goto(page.url)
    tab.locator("#connection", has_text="live").wait_for()
    page.ship(b"".join(b"line %d\n" % number for number in range(30_000)))
    shows(tab, "line 29999")
    said = tab.inner_text("#counts").replace(",", "").split()
    assert int(said[0]) + int(said[4]) == 30_000
    assert tab.locator(".row").count() < 120
    tab.locator("#live-rows").evaluate("(rows) => { rows.scrollTop = 0; }")
    tab.locator("#follow").wait_for()
    tab.locator("#follow").click()
    shows(tab, "line 29999")


def test_nothing_in_a_log_is_more_than_text(page: Page, tab: Tab) -> None:
    """Hostile records, hosts, labels and names of files are shown as they are written, and do nothing."""
    tab.goto(page.url)
    page.ship("".join(f"{each}\n" for each in HOSTILE).encode())
    for number, each in enumerate(HOSTILE[:7]):
        page.ship(b"mark %d\n" % number, host=each, label=each, name=each.replace("/", "_") + ".log")
    shows(tab, "mark 6")
    for each in HOSTILE[:6]:
        shows(tab, each)
    for fold in tab.locator("[data-do=fold]").all():
        fold.click()
    tab.locator(".row.open").first.wait_for()
    assert tab.locator("main script, main img, main svg, main iframe, main a").count() == 0
    tab.locator(".host", has_text="<script>").first.click()
    counts(tab.locator(".row"), 1)
    shows(tab, "mark 0")
    assert tab.title() == "Live \u00b7 Logbus"


def test_a_link_to_a_record_opens_it(page: Page, tab: Tab) -> None:
    """The link of a record shows that record, whole."""
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.ship(b'INFO first\n{"level": "error", "msg": "second"}\n')
    tab.goto(page.url)
    shows(tab, "second")
    tab.locator(".row", has_text="second").hover()
    tab.locator(".row", has_text="second").locator("[data-do=link]").click()
    tab.locator("#toast", has_text="Link copied").wait_for()
    tab.goto(tab.evaluate("navigator.clipboard.readText()"))
    tab.locator("dd", has_text='"msg": "second"').wait_for()
    assert "web-1" in tab.inner_text(".detail")


def test_the_keyboard_is_enough(page: Page, tab: Tab) -> None:
    """Without a mouse: to the filter and back, to a record, unfolded, only its host, the other views."""
    page.ship(b'{"level": "error", "msg": "deep"}\n', host="web-1")
    page.ship(b"other\n", host="web-2")
    tab.goto(page.url)
    shows(tab, "other")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "text"
    tab.focus("#live-rows")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.locator(".row.open", has_text="deep").wait_for()
    tab.keyboard.press("h")
    tab.wait_for_url("**/?host=web-1")
    tab.keyboard.press("3")
    tab.wait_for_url("**/fleet")
    tab.locator("#fleet-summary", has_text="heard").wait_for()


def test_the_page_keeps_a_bounded_amount_of_text(page: Page, tab: Tab) -> None:
    """Of ten thousand giants, as many of the newest are kept as the bound of text allows; of small ones all."""
    tab.goto(page.url)
    ask = """async () => {
        const { surplus } = await import("/static/list.js");
        const items = (size) => Array(10_001).fill({ message: "x".repeat(size) });
        return [surplus(items(10), 10_000), surplus(items(32_468), 10_000)];
    }"""
    assert tab.evaluate(ask) == [1, 10_001 - 1024]


def test_a_server_that_goes_is_said(page: Page, browser: Browser) -> None:
    """While the server is away, the page says so, and keeps what it shows."""
    tab = browser.new_page()  # its console says that the connection is refused
    tab.goto(page.url)
    page.ship(b"one\n")
    shows(tab, "one")
    assert page.program.terminate() == 0
    tab.locator("#connection", has_text="disconnected").wait_for()
    shows(tab, "one")
    tab.close()


def test_login(start: Start, broker_url: str, tmp_path: Path, eventually: Until, browser: Browser) -> None:
    """Without a session the page asks for the token; a wrong one is explained, the right one shows records."""
    token = tmp_path / "token"
    token.write_text("a-token-for-a-test")
    token.chmod(0o600)
    page = page_of(start, broker_url, tmp_path, eventually, "--token-file", token)
    page.ship(b"one\n")
    tab = browser.new_context().new_page()
    tab.goto(page.url)
    tab.fill("[name=password]", "a wrong one")
    tab.keyboard.press("Enter")
    tab.locator("#login-problem", has_text="wrong").wait_for()
    tab.fill("[name=password]", "a-token-for-a-test")
    tab.keyboard.press("Enter")
    shows(tab, "one")
    tab.click("#logout")
    tab.locator("#login[open]").wait_for()
    tab.context.close()


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, browser: Browser) -> None:
    """On a narrow screen the records are readable without scrolling sideways."""
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(page.url)
    page.ship(b"x" * 500 + b"\n")
    shows(tab, "xxx")
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert tab.locator("#live-rows").evaluate("(rows) => rows.scrollWidth <= rows.clientWidth")
    context.close()


def test_a_list_is_full_when_the_window_becomes_wide(page: Page, tab: Tab) -> None:
    """From a phone's width to a wide one and back: the rows in sight stay in sight, with none missing above them."""
    tab.set_viewport_size({"width": 390, "height": 780})
    tab.goto(page.url)
    page.ship(b"".join(b"line %d\n" % number for number in range(300)))
    shows(tab, "line 299")
    rows = tab.locator("#live-rows")
    for width, height in ((1280, 20), (390, 40), (1280, 20)):
        tab.set_viewport_size({"width": width, "height": 780})
        tab.wait_for_function(
            "(height) => document.querySelector('#live-rows .row').offsetHeight === height", arg=height
        )
        tab.wait_for_function(
            """() => {
                const { left, top, bottom } = document.getElementById("live-rows").getBoundingClientRect();
                const isRow = (y) => document.elementFromPoint(left + 60, y).closest(".row");
                return [top + 5, (top + bottom) / 2, bottom - 5].every(isRow);
            }"""
        )
    rows.evaluate("(rows) => { rows.scrollTop = 2000; }")
    tab.locator("#follow").wait_for()
    tab.set_viewport_size({"width": 390, "height": 780})
    shows(tab, "line 100")
    tab.wait_for_function("() => document.getElementById('live-rows').scrollTop === 4000")
