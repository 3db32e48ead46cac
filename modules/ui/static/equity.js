// Equity of the chosen account, and under it how far it stands below its highest so far.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  const top = document.getElementById("equity"), bottom = document.getElementById("drawdown"), pick = document.getElementById("equity-account");
  const { colour } = panel;
  let all = {}, charts = [];

  const axis = (more) => ({
    stroke: () => colour("muted"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif", ...more,
  });
  const around = (_, low, high) => { const pad = Math.max((high - low) * 0.08, Math.abs(high) * 0.0005, 1e-6); return [low - pad, high + pad]; };
  const below = (_, low) => [Math.min(low * 1.08, -0.001), 0];
  const chart = (place, label, values, range, line, fill, series) => new uPlot({
    width: place.clientWidth, height: place.clientHeight, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
    cursor: { sync: { key: "equity" }, drag: { x: true, y: false } }, legend: { show: false },
    scales: { x: { time: true }, y: { range } },
    series: [{}, { label, stroke: () => colour(line), width: 1.5, fill: fill && (() => colour(fill) + "26"), points: { show: false } }],
    axes: [axis({ space: 70, values: [[86400, "{MM}-{DD}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1], [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] }), axis({ size: 64, values })],
  }, series, place);

  const draw = () => {
    charts.forEach((one) => one.destroy());
    charts = [];
    const found = all[pick.value];
    top.querySelector(".none")?.remove();
    if (!found || found.ts.length < 2) {
      const words = document.createElement("p");
      words.className = "none";
      words.textContent = "The curve begins with the second closed candle.";
      top.append(words);
      return;
    }
    charts = [
      chart(top, "equity", (_, ticks) => ticks.map((v) => v.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })), around, "accent", null, [found.ts, found.equity]),
      chart(bottom, "drawdown", (_, ticks) => ticks.map((v) => `${(v * 100).toFixed(Math.abs(ticks.at(-1) - ticks[0]) < 0.02 ? 2 : 1)} %`), below, "down", "down", [found.ts, found.drawdown]),
    ];
  };

  const load = async () => {
    const answer = await fetch("/data/equity");
    if (answer.ok) all = await answer.json();
    draw();
  };

  document.addEventListener("part:equity", ({ detail }) => {
    for (const [account, [ts, value]] of Object.entries(detail)) {
      const found = all[account];
      if (!found || ts <= (found.ts.at(-1) ?? 0)) continue;
      found.ts.push(ts);
      found.equity.push(value);
      found.drawdown.push(value / found.equity.reduce((a, b) => Math.max(a, b), found.peak) - 1);
      if (account !== pick.value) continue;
      if (charts.length) charts.forEach((one, i) => one.setData([found.ts, i ? found.drawdown : found.equity]));
      else draw();
    }
  });
  pick.addEventListener("change", draw);
  panel.onScheme(draw);
  new ResizeObserver(() => charts.forEach((one, i) => one.setSize({ width: top.clientWidth, height: (i ? bottom : top).clientHeight }))).observe(top);
  await load();
});
