// What is nicer with script: copying, times that move on, menus that close, choices that are kept
// without a new page. Every page works without it. All of it listens on the document, so what is
// swapped in later works as well.
"use strict";
{
  const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
  const FEW_DAYS = 60;
  const TOLD_MS = 2000;

  async function copy(button) {
    const text = button.dataset.copy || button.parentElement.querySelector("code").textContent;
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      said = "Select and copy";
    }
    const label = button.querySelector("[data-name]");
    if (label) {
      label.textContent = said;
      setTimeout(() => (label.textContent = "Copy"), TOLD_MS);
    } else {
      button.dataset.said = said;
      setTimeout(() => delete button.dataset.said, TOLD_MS);
    }
    announce(said);
  }

  // One polite region for what only the eye would notice.
  function announce(text) {
    let region = document.getElementById("announced");
    if (!region) {
      region = Object.assign(document.createElement("div"), { id: "announced", className: "unseen" });
      region.setAttribute("aria-live", "polite");
      document.body.append(region);
    }
    region.textContent = text;
  }

  function distance(seconds) {
    const away = Math.abs(seconds);
    const unit = UNITS.find(([, size]) => away >= size);
    if (!unit) return seconds >= 0 ? "just now" : "in a moment";
    const text = `${Math.floor(away / unit[1])} ${unit[0]}`;
    return seconds >= 0 ? `${text} ago` : `in ${text}`;
  }

  function moveTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      if (seconds / 86400 < FEW_DAYS) time.textContent = distance(seconds);
    }
  }

  // A theme or a density is seen at once and kept by the server, for the next page and log-in.
  function prefer(event, form) {
    const choice = event.submitter;
    if (!choice?.name) return;
    event.preventDefault();
    document.documentElement.dataset[choice.name] = choice.value;
    for (const other of choice.parentElement.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === choice));
    }
    const body = new FormData(form, choice);
    body.set("quietly", "1");
    // Whoever goes on at once must find it remembered.
    fetch(form.action, { method: "POST", body, keepalive: true }).then(
      (answer) => answer.ok || form.submit(),
      () => announce("It lasts as long as this page: the server was not reached."),
    );
  }

  // How many things need whoever looks; the server works it out once for all who see the same.
  async function ring() {
    const bell = document.querySelector("[data-bell]");
    if (!bell || document.hidden) return;
    try {
      const answer = await fetch(bell.dataset.bell);
      const number = answer.ok && !answer.redirected ? Number(await answer.text()) : 0;
      bell.querySelector("b").textContent = number || "";
      bell.title = number ? `${number} thing${number === 1 ? " needs" : "s need"} you` : "Nothing needs you";
      bell.setAttribute("aria-label", bell.title);
    } catch {
      // The bell still leads to what needs somebody.
    }
  }

  function showPicked(rows) {
    const form = rows.closest("form");
    const bar = form?.querySelector("[data-bulk]");
    if (!bar) return;
    const picked = rows.querySelectorAll("[data-row] input[type=checkbox]:checked").length;
    bar.classList.toggle("on", picked > 0);
    bar.querySelector("[data-bulk-number]").textContent = picked ? `${picked} picked` : "Nothing picked";
  }

  function isTouched(field) {
    if (field.options) return [...field.options].some((one) => one.selected !== one.defaultSelected);
    const isTyped = field.value !== (field.defaultValue ?? field.value);
    return isTyped || field.checked !== field.defaultChecked;
  }

  function checkTyped(input) {
    const button = input.form.querySelector("button:not([type=button])");
    button.disabled = input.value !== input.dataset.confirm;
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-copy], [data-bulk-clear], [data-pick-all]");
    if (target?.matches("[data-copy]")) copy(target);
    if (target?.matches("[data-bulk-clear]")) {
      const rows = target.form.querySelector("[data-rows]");
      for (const box of rows.querySelectorAll(":checked")) box.checked = false;
      showPicked(rows);
    }
    // One open menu at a time is the browser's work; closing it by a click elsewhere is ours.
    for (const menu of document.querySelectorAll("details[data-menu][open], details.facet[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("change", (event) => {
    const rows = event.target.closest("[data-rows]");
    if (!rows || event.target.type !== "checkbox") return;
    if (event.target.matches("[data-pick-all]")) {
      for (const box of rows.querySelectorAll("[data-row] input[type=checkbox]")) {
        box.checked = event.target.checked;
      }
    }
    showPicked(rows);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-confirm]")) checkTyped(event.target);
  });
  // What was typed before htmx came, or put back by the browser, is told of like what is typed now.
  document.addEventListener("htmx:after:init", ({ target }) => {
    if (!target.matches("form[hx-trigger^=input]")) return;
    if ([...target.elements].some(isTouched)) target.dispatchEvent(new Event("input"));
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-preferences]")) prefer(event, event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll("details:is([name], [data-menu])[open]")) {
      const inside = open.contains(document.activeElement);
      open.open = false;
      if (inside) open.querySelector("summary").focus();
    }
  });
  // What scrolls sideways begins where whoever looks is, or at its end.
  for (const here of document.querySelectorAll(".tabs [aria-current]")) {
    const tabs = here.parentElement;
    tabs.scrollLeft = here.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - here.clientWidth) / 2;
  }
  for (const long of document.querySelectorAll("[data-end]")) long.scrollLeft = long.scrollWidth;
  document.querySelectorAll("[data-confirm]").forEach(checkTyped);
  document.querySelectorAll("[data-rows]").forEach(showPicked);
  setInterval(moveTimes, 30000);
  ring();
  setInterval(ring, 60000);
}
