// Draws what stands in `data-chart`, with uPlot. The table beside each chart says the same.
"use strict";
{
  const HEIGHT = 180;
  const probe = document.createElement("span");

  // A custom property's value is text such as light-dark(…): a probe tells the colour it comes to.
  function colour(name, from = document.body) {
    probe.className = name;
    from.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  const faded = (value, alpha) => value.replace(/^rgba?\(([^)]*)\)$/, `rgb($1 / ${alpha})`).replaceAll(",", "");

  function stacked(rows) {
    const sums = rows[0].map(() => 0);
    return rows.map((row) => row.map((value, index) => (sums[index] += value ?? 0)));
  }

  const dayOf = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const hourOf = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  const day = (at) => dayOf.format(at * 1000);
  const hour = (at) => hourOf.format(at * 1000);
  const number = new Intl.NumberFormat("en");

  function says(chart, rows, index) {
    const at = new Date(chart.times[index] * 1000).toISOString().replace("T", " ").slice(0, 16);
    const parts = chart.series.map((one, row) => {
      const value = rows[row][index];
      return `${one.label}: ${value === null ? "unknown" : number.format(value)}`;
    });
    return `${at} UTC · ${parts.join(" · ")}`;
  }

  // As wide as the longest number: a million is cut off where thousands leave a gap.
  const wide = (_plot, told) => 14 + 7 * Math.max(1, ...(told ?? []).map((text) => text.length));

  function options(chart, plot, readout) {
    const line = colour("ink-line");
    const ink = colour("ink-mute");
    const font = `11.5px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const days = chart.times.at(-1) - chart.times[0] > 2 * 86400;
    const rows = chart.series.map((one) => one.values);
    const series = chart.series.map((one) => {
      const tone = colour(`ink-${one.shade}`);
      return { label: one.label, stroke: tone, width: 1.5, fill: chart.stacked ? faded(tone, 0.28) : undefined, points: { show: false } };
    });
    return {
      width: plot.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { show: !chart.stacked } },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.05, 1)] } },
      axes: [{ ...axis, size: 26, space: 64, values: (_plot, ticks) => ticks.map(days ? day : hour) }, { ...axis, size: wide, values: (_plot, ticks) => ticks.map((tick) => number.format(tick)) }],
      series: [{}, ...(chart.stacked ? series.reverse() : series)],
      // The topmost comes first: each is filled down to the next, or the colours would mix.
      bands: chart.stacked ? series.slice(1).map((_one, index) => ({ series: [index + 1, index + 2] })) : [],
      hooks: {
        setCursor: [
          (drawn) => {
            const index = drawn.cursor.idx;
            readout.hidden = index === null || index === undefined;
            if (!readout.hidden) readout.textContent = says(chart, rows, index);
          },
        ],
      },
    };
  }

  function draw(plot) {
    const chart = JSON.parse(plot.dataset.chart);
    if (chart.times.length < 2) return;
    const readout = plot.parentElement.querySelector("[data-readout]");
    plot.hidden = false;
    plot.drawn?.destroy();
    let rows = chart.series.map((one) => one.values);
    if (chart.stacked) rows = stacked(rows).reverse();
    plot.drawn = new uPlot(options(chart, plot, readout), [chart.times, ...rows], plot);
    plot.drawnFrom = plot.dataset.chart;
  }

  const plots = () => document.querySelectorAll("[data-chart]");
  const drawAll = () => plots().forEach(draw);

  document.addEventListener("DOMContentLoaded", async () => {
    await document.fonts.ready; // or the axes are measured in another font
    drawAll();
    new ResizeObserver(() => {
      for (const plot of plots()) plot.drawn?.setSize({ width: plot.clientWidth, height: HEIGHT });
    }).observe(document.body);
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    document.addEventListener("htmx:after:swap", () => {
      for (const plot of plots()) if (plot.drawnFrom !== plot.dataset.chart) draw(plot);
    });
  });
}
