// The keyboard: keys that go to pages and rows, and a palette that goes anywhere.
"use strict";
{
  const GO_MS = 1500;
  const TYPED_MS = 120;
  let goingSince = -Infinity;

  // What went out of sight with its dialog keeps the focus until the browser paints again.
  const isTyping = (target) =>
    target.getClientRects().length > 0 &&
    target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
  const isOver = () => document.querySelector("dialog[open], [popover]:popover-open") !== null;

  // A key's button, link or folded form, as the page marks it with `data-key`, if it shows.
  function press(key) {
    const marked = [...document.querySelectorAll(`[data-key="${key}"]`)];
    const target = marked.find((one) => one.getClientRects().length);
    if (!target) return false;
    if (target.tagName === "SUMMARY") {
      target.parentElement.open = true;
      target.parentElement.querySelector("input:not([type=hidden]), select, textarea, button, a")?.focus();
    } else {
      target.click();
    }
    return true;
  }

  function move(step) {
    const rows = [...document.querySelectorAll("[data-rows] [data-row]")];
    if (!rows.length) return false;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
    next.querySelector("a, button, input")?.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function pick() {
    const box = document.activeElement.closest("[data-row]")?.querySelector("input[type=checkbox]");
    box?.click();
    return Boolean(box);
  }

  function act() {
    const first = document.querySelector(".verbs summary, .verbs button, .verbs a");
    first?.focus();
    return Boolean(first);
  }

  function search() {
    const input = document.querySelector("input[type=search]");
    input?.select();
    return Boolean(input);
  }

  function help() {
    document.getElementById("keys")?.showPopover();
    return true;
  }

  function go(key) {
    const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    link?.click();
    return Boolean(link);
  }

  const KEYS = {
    "/": search,
    "?": help,
    ".": act,
    j: () => move(1),
    k: () => move(-1),
    x: pick,
    e: () => press("e"),
    h: () => press("h"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      palette?.toggle();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isOver()) return;
    const isGoing = event.timeStamp - goingSince < GO_MS;
    goingSince = -Infinity;
    if (isGoing ? go(event.key) : KEYS[event.key]?.()) event.preventDefault();
    else if (event.key === "g") goingSince = event.timeStamp;
  });

  // --- The palette: a combobox whose list the server fills ------------------------------------

  class Palette {
    constructor(dialog) {
      this.dialog = dialog;
      this.input = dialog.querySelector("input");
      this.list = dialog.querySelector("[role=listbox]");
      this.note = dialog.querySelector("[data-palette-note]");
      this.input.addEventListener("input", () => {
        clearTimeout(this.waiting);
        this.waiting = setTimeout(() => this.ask(), TYPED_MS);
      });
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.list.addEventListener("click", (event) => this.take(event));
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }

    toggle() {
      if (this.dialog.open) return this.dialog.close();
      this.input.value = "";
      this.dialog.showModal();
      return this.ask();
    }

    get options() {
      return [...this.list.querySelectorAll("[role=option]")];
    }

    // What can be done on the page itself stands on it: its verbs, by their words.
    verbs(text) {
      const typed = text.toLowerCase();
      const verbs = [...document.querySelectorAll(".verbs summary, .verbs button[data-key]")];
      return verbs.filter((verb) => typed && verb.textContent.trim().toLowerCase().startsWith(typed));
    }

    async ask() {
      const text = this.input.value.trim();
      this.asked?.abort();
      this.asked = new AbortController();
      try {
        const url = `${this.dialog.dataset.palette}?${new URLSearchParams({ q: text })}`;
        const answer = await fetch(url, { signal: this.asked.signal, headers: { "HX-Request": "true" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        this.show(text, [...page.querySelectorAll("[role=option]")]);
      } catch (error) {
        if (error.name === "AbortError") return;
        this.list.replaceChildren();
        this.note.textContent = "The server was not reached. Type again to ask again.";
      }
    }

    show(text, found) {
      const verbs = this.verbs(text).map((verb) => {
        const option = document.createElement("a");
        option.append(...[...verb.childNodes].map((node) => node.cloneNode(true)));
        const kind = Object.assign(document.createElement("span"), { className: "note", textContent: "action here" });
        option.append(kind);
        option.href = "#main";
        option.tabIndex = -1;
        option.setAttribute("role", "option");
        option.verb = verb;
        return option;
      });
      this.list.replaceChildren(...verbs, ...found);
      this.options.forEach((option, index) => (option.id = `palette-${index}`));
      this.note.textContent = this.options.length ? "" : "Nothing begins with that.";
      this.select(0);
    }

    select(index) {
      const options = this.options;
      this.at = options.length ? (index + options.length) % options.length : -1;
      options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.at)));
      this.input.setAttribute("aria-activedescendant", this.at < 0 ? "" : options[this.at].id);
      options[this.at]?.scrollIntoView({ block: "nearest" });
    }

    key(event) {
      const steps = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in steps) this.select(this.at + steps[event.key]);
      else if (event.key === "Enter") this.options[this.at]?.click();
      else return;
      event.preventDefault();
    }

    take(event) {
      const verb = event.target.closest("[role=option]")?.verb;
      if (!verb) return;
      event.preventDefault();
      this.dialog.close();
      if (verb.tagName === "SUMMARY") verb.parentElement.open = true;
      else verb.click();
      verb.focus();
    }
  }

  const dialog = document.getElementById("palette");
  const palette = dialog ? new Palette(dialog) : null;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-palette]")) palette?.toggle();
  });
}
