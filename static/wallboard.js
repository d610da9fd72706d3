// Keeps a wallboard going for weeks: looks every ten seconds, says how old its numbers are when
// the server is not reached, and loads itself anew after a deployment and once a day. It never
// leaves a page that works for one that may not.
"use strict";
{
  const LOOK_MS = 10000;
  const PATIENCE_MS = 8000;
  const OLD_MS = 35000;
  const DAY_MS = 86400000;
  const wall = document.querySelector("[data-wall]");
  const mark = document.querySelector("[data-wall-mark]");
  const board = () => document.getElementById("board");
  const { build } = board().dataset;
  const startedAt = Date.now();
  let freshAt = Date.now();
  let problem = "";

  function span(ms) {
    const seconds = Math.round(ms / 1000);
    if (seconds < 120) return `${seconds} s`;
    return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
  }

  function tell() {
    const age = Date.now() - freshAt;
    const isOld = age > OLD_MS || problem !== "";
    mark.hidden = !isOld;
    board().classList.toggle("old", isOld);
    const text = `${problem || "The server is not reached."} These numbers are ${span(age)} old.`;
    if (isOld && mark.textContent !== text) mark.textContent = text;
  }

  function ask(url) {
    return fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  }

  async function startAnew() {
    const page = await ask(location.href);
    if (page.ok && !page.redirected) location.reload();
  }

  async function look() {
    try {
      const answer = await ask(wall.dataset.wall);
      if (answer.redirected) problem = "Nobody is logged in here any more.";
      else if (answer.status === 404) problem = "This address shows nothing any more.";
      else if (answer.ok) {
        const text = await answer.text();
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("board");
        board().replaceWith(document.adoptNode(fresh));
        [freshAt, problem] = [Date.now(), ""];
        if (fresh.dataset.build !== build || freshAt - startedAt > DAY_MS) await startAnew();
      }
    } catch {
      // The age says it.
    }
    tell();
  }

  setInterval(look, LOOK_MS);
  setInterval(tell, 1000);
  addEventListener("online", look);
}
