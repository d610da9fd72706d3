// What is nicer with script: a remembered theme, copy buttons, `/` to search, times that move on.
// Every page works without it.
"use strict";

const root = document.documentElement;
const THEMES = ["system", "light", "dark"];

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage may be forbidden
  }
}

function setTheme(theme) {
  root.dataset.theme = THEMES.includes(theme) ? theme : "system";
}

setTheme(remembered()); // before anything is drawn

function switchTheme(button) {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  setTheme(next);
  try {
    localStorage.setItem("theme", next);
  } catch {
    // it lasts as long as the page
  }
  nameTheme(button);
}

function nameTheme(button) {
  button.querySelector("[data-name]").textContent = `Theme: ${root.dataset.theme}`;
}

async function copy(button) {
  const text = button.dataset.copy || button.parentElement.querySelector("code").textContent;
  const label = button.querySelector("[data-name]") || button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Select and copy";
  }
  setTimeout(() => (label.textContent = before), 2000);
}

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
const FEW_DAYS = 60;

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

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  for (const button of document.querySelectorAll("button[data-theme-switch]")) {
    button.hidden = false;
    nameTheme(button);
    button.addEventListener("click", () => switchTheme(button));
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const open of document.querySelectorAll("details[name][open]")) open.open = false;
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.querySelector("input[type=search]");
    if (!search || isTyping(event.target)) return;
    event.preventDefault();
    search.select();
  });
  // One open facet at a time is the browser's work; closing it by a click elsewhere is ours.
  document.addEventListener("click", (event) => {
    for (const facet of document.querySelectorAll("details.facet[open]")) {
      if (!facet.contains(event.target)) facet.open = false;
    }
  });
  setInterval(moveTimes, 30000);
});
