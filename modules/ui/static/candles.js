// Candles of one symbol with what was done on them; the regime stands behind as bands of colour.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  const place = document.getElementById("candles"), key = place.dataset.key, { colour } = panel, lib = LightweightCharts;
  const answer = await fetch(`/data/bars/${encodeURIComponent(key)}`);
  if (!answer.ok) return;
  let found = await answer.json(), lines = [], marks = null;

  const chart = lib.createChart(place, {
    autoSize: true, timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4 }, rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.08 } },
    layout: { attributionLogo: false, background: { color: "transparent" }, fontFamily: "system-ui, sans-serif", fontSize: 11 },
    localization: { timeFormatter: (t) => new Date(t * 1000).toISOString().slice(5, 16).replace("T", " ") + " UTC" },
  });
  const bands = chart.addSeries(lib.AreaSeries, {
    priceScaleId: "regime", lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, lineVisible: false, lineType: lib.LineType.WithSteps,
    autoscaleInfoProvider: () => ({ priceRange: { minValue: 0, maxValue: 1 } }),
  });
  chart.priceScale("regime").applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
  const candles = chart.addSeries(lib.CandlestickSeries, {
    borderVisible: false, priceFormat: { type: "price", precision: found.digits, minMove: found.tick },
    // A stop or target that is near enough to leave the candles readable stays in sight.
    autoscaleInfoProvider: (original) => {
      const info = original();
      if (!info || !info.priceRange) return info;
      const { minValue: low, maxValue: high } = info.priceRange, room = 1.5 * (high - low), near = found.levels.map((one) => one.price).filter((p) => p !== null && p > low - room && p < high + room);
      return { ...info, priceRange: { minValue: Math.min(low, ...near), maxValue: Math.max(high, ...near) } };
    },
  });

  const shades = { trend: "trend", chop: "chop", volatile: "volatile" };
  const bar = ([time, open, high, low, close]) => ({ time, open, high, low, close });
  const band = ([time, , , , , regime]) => {
    const shade = shades[regime] ? colour(shades[regime]) + "26" : "transparent";
    return { time, value: 1, topColor: shade, bottomColor: shade, lineColor: "transparent" };
  };

  const paint = () => {
    const [line, muted, up, down] = ["line", "muted", "up", "down"].map(colour);
    chart.applyOptions({ layout: { textColor: muted }, grid: { vertLines: { color: line + "80" }, horzLines: { color: line + "80" } }, timeScale: { borderColor: line } });
    candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    bands.setData(found.bars.map(band));
    level(found.levels);
    const first = found.bars.length ? found.bars[0][0] : 0, step = found.bars.length > 1 ? found.bars[1][0] - found.bars[0][0] : 300;
    const set = found.marks.filter((one) => one.t >= first).map((one) => ({
      time: one.t - (one.t % step),
      position: one.kind === "entry" ? (one.up ? "belowBar" : "aboveBar") : one.up ? "belowBar" : "aboveBar",
      shape: one.kind === "entry" ? (one.up ? "arrowUp" : "arrowDown") : "circle",
      color: one.kind === "entry" ? colour("accent") : colour(one.text.includes(" +") ? "up" : "down"),
      text: found.marks.length > 40 ? "" : one.text + (one.mode === "live" ? " live" : ""), size: one.kind === "entry" ? 1 : 0.6,
    }));
    if (marks) marks.setMarkers(set); else marks = lib.createSeriesMarkers(candles, set);
  };
  const level = (levels) => {
    lines.forEach((one) => candles.removePriceLine(one));
    const shade = { entry: "accent", stop: "down", target: "up" };
    lines = levels.filter((one) => one.price !== null).map((one) => candles.createPriceLine({ price: one.price, color: colour(shade[one.kind]), lineWidth: 1, lineStyle: one.kind === "entry" ? 2 : 0, title: one.text, axisLabelVisible: true }));
  };
  const load = () => {
    candles.setData([...found.bars, ...(found.forming ? [found.forming] : [])].map(bar));
    paint();
  };
  load();
  if (found.bars.length > 200) chart.timeScale().setVisibleLogicalRange({ from: found.bars.length - (place.clientWidth < 600 ? 80 : 200), to: found.bars.length + 3 });
  panel.onScheme(paint);

  let told = JSON.stringify(found.levels), renewing = false;
  const renew = async () => {
    if (renewing) return;
    renewing = true;
    const again = await fetch(`/data/bars/${encodeURIComponent(key)}`);
    if (again.ok) { found = await again.json(); load(); }
    renewing = false;
  };
  document.addEventListener("part:bar", ({ detail }) => {
    const last = found.bars.length ? found.bars.at(-1)[0] : 0, levels = JSON.stringify(detail.levels);
    const fresh = detail.closed.filter((one) => one[0] > last);
    // Something was entered or left, or candles were missed: everything anew. Else only what moved.
    if (levels !== told || fresh.length > 1) { told = levels; renew(); return; }
    for (const one of fresh) { found.bars.push(one); candles.update(bar(one)); bands.update(band(one)); }
    if (detail.forming && detail.forming[0] > (found.bars.at(-1)?.[0] ?? 0)) candles.update(bar(detail.forming));
  });
});
