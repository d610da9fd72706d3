// Pages that stay fresh: a region marked `data-live="<topic>"` with an id is fetched anew when the
// server says that its topic changed, and morphed in place. `data-live-src` is where from, else
// the page itself. While somebody is at something in it that acts, no more than its text changes,
// and the rest waits behind a line; a list, marked `data-live-list`, waits while somebody points
// at it or is in it. Without a stream the regions are asked for every ten seconds. A button marked
// `data-live-pause="<id>"` lets a region rest.
"use strict";
{
  const POLL_MS = 10000;
  const LEAST_MS = 2000; // between two fetches of a region
  const RETRY_MS = 30000; // between two attempts to get a stream
  const SETTLE_MS = 1000; // between two looks whether somebody has left what waits
  const STILL_MS = 1500; // after the pointer's last move
  const ACTS = "a[href], button, input, select, textarea, summary, [tabindex]";
  const TIES = ["href", "action", "id", "class", "name", "value", "type", "hidden", "disabled"];
  const mark = document.querySelector("[data-live-mark]");
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  const known = new WeakMap();
  let source = null;
  let polling = null;
  let retrying = null;
  let freshAt = new Date();
  let moved = { at: 0, over: null };

  const regions = () => [...document.querySelectorAll("[data-live][id]")];
  const topics = () => [...new Set(regions().map((region) => region.dataset.live))].sort();

  function tell(state) {
    if (!mark) return;
    const words = {
      live: ["Live", "good", "Changes appear by themselves."],
      polling: ["Every 10 s", "busy", "There is no stream: this page asks every ten seconds."],
      stale: [`Stale since ${clock.format(freshAt)}`, "wait", "The server was not reached since."],
    };
    const [text, tone, title] = words[state];
    if (mark.textContent !== text) mark.textContent = text;
    mark.className = `live ${tone}`;
    mark.title = title;
    mark.hidden = false;
  }

  // --- Fetching and showing --------------------------------------------------------------------

  // What somebody typed or picked would be lost, or a list be read on another line.
  function isKept(region) {
    if (region.querySelector("details.verb[open], input:checked")) return true;
    return region.matches("[data-live-list]") && (region.matches(":hover") || region.contains(document.activeElement));
  }

  // Somebody points at something that acts or is at it by key, or is on the way to it.
  function isUsed(region) {
    if (region.querySelector(`:is(${ACTS}):hover`)) return true;
    if (region.contains(moved.over) && Date.now() - moved.at < STILL_MS) return true;
    const at = document.activeElement;
    return at !== region && region.contains(at) && at.matches(ACTS);
  }

  const parts = (node) => [...node.children].filter((one) => !one.matches(".fresh"));
  const isFolded = (node) => node.matches("[data-chart], details:not([open])");

  // Whether nothing but text differs: then nothing moves to another place, or leads elsewhere.
  function isAlike(shown, fresh) {
    if (shown.nodeName !== fresh.nodeName) return false;
    if (isFolded(shown) || shown.matches("input[type=hidden]")) return true;
    if (TIES.some((name) => shown.getAttribute(name) !== fresh.getAttribute(name))) return false;
    const [old, young] = [parts(shown), parts(fresh)];
    return old.length === young.length && old.every((one, index) => isAlike(one, young[index]));
  }

  const mustWait = (region, fresh) => isKept(region) || (isUsed(region) && !isAlike(region, fresh));

  const rowsOf = (root) => [...root.querySelectorAll("[data-row][id]")];

  function unseen(region, fresh) {
    const shown = new Set(rowsOf(region).map((row) => row.id));
    return rowsOf(fresh).filter((row) => !shown.has(row.id)).length;
  }

  async function swap(region, text) {
    known.get(region).waiting = null;
    region.querySelector(":scope > .fresh")?.remove();
    await htmx.swap({
      sourceElement: region,
      target: region,
      swap: "outerMorph ignoreTitle:true",
      select: `#${CSS.escape(region.id)}`,
      text,
    });
  }

  function wait(region, text, number) {
    known.get(region).waiting = text;
    let line = region.querySelector(":scope > .fresh");
    if (!line) {
      line = Object.assign(document.createElement("button"), { type: "button", className: "fresh" });
      line.setAttribute("aria-live", "polite");
      region.prepend(line);
    }
    line.textContent = number ? `${number} new: show` : "Changed: show";
    line.onclick = () => swap(region, text);
  }

  // What waits is shown once nobody is at it any more.
  function settle() {
    for (const region of regions()) {
      const waiting = known.get(region)?.waiting;
      if (waiting && !isKept(region) && !isUsed(region)) swap(region, waiting);
    }
  }

  async function refresh(region) {
    const state = known.get(region) ?? {};
    known.set(region, state);
    if (state.paused) return;
    if (state.running) {
      state.again = true;
      return;
    }
    state.running = true;
    try {
      const url = region.dataset.liveSrc || location.href;
      const answer = await fetch(url, { cache: "no-cache", headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      freshAt = new Date();
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(region.id);
      if (fresh && fresh.innerHTML !== state.shown) {
        state.shown = fresh.innerHTML;
        if (mustWait(region, fresh)) wait(region, text, unseen(region, fresh));
        else await swap(region, text);
      }
      tell(source?.readyState === EventSource.OPEN ? "live" : "polling");
    } catch {
      tell("stale");
    }
    setTimeout(() => {
      state.running = false;
      if (state.again) {
        state.again = false;
        refresh(region);
      }
    }, LEAST_MS);
  }

  function changed(event) {
    const { topic } = JSON.parse(event.data);
    for (const region of regions()) if (region.dataset.live === topic) refresh(region);
  }

  function pause(button) {
    const region = document.getElementById(button.dataset.livePause);
    const state = known.get(region) ?? {};
    known.set(region, state);
    state.paused = !state.paused;
    button.querySelector("span").textContent = state.paused ? "Follow" : "Pause";
    refresh(region);
  }

  // --- The stream, or polling while there is none ----------------------------------------------

  function poll() {
    polling ??= setInterval(() => regions().forEach(refresh), POLL_MS);
  }

  function open() {
    clearTimeout(retrying);
    source = new EventSource(`/events?topics=${topics().map(encodeURIComponent).join(",")}`);
    source.addEventListener("changed", changed);
    source.addEventListener("open", () => {
      clearInterval(polling);
      polling = null;
      freshAt = new Date();
      tell("live");
    });
    source.addEventListener("error", () => {
      poll();
      if (source?.readyState === EventSource.CLOSED) {
        retrying = setTimeout(open, RETRY_MS * (1 + Math.random()));
      }
      regions().forEach(refresh);
    });
  }

  function close() {
    source?.close();
    source = null;
    clearInterval(polling);
    clearTimeout(retrying);
    polling = null;
  }

  if (regions().length) {
    if (!document.hidden) open();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return close();
      open();
      return regions().forEach(refresh);
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-live-pause]");
      if (button) pause(button);
    });
    document.addEventListener("pointermove", (event) => {
      moved = { at: Date.now(), over: event.target };
    });
    setInterval(settle, SETTLE_MS);
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => event.persisted && open());
  }
}
