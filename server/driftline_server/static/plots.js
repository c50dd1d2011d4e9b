// Draws each [data-plot] from the API; without this script the page's table of latest values remains.
(() => {
  const colours = ["#4299e1", "#f76707", "#2fb344", "#d6336c", "#ae3ec9", "#f59f00", "#0ca678", "#626976"];
  const binary = (v) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let i = 0;
    while (Math.abs(v) >= 1024 && i < units.length - 1) { v /= 1024; i += 1; }
    return `${v >= 100 || i === 0 ? v.toFixed(0) : v.toFixed(1)} ${units[i]}`;
  };
  const binaryIncrements = Array.from({ length: 50 }, (_, i) => 2 ** i);
  const shown = (unit, fraction) => (v) => {
    if (v === null || v === undefined) return "–";
    if (fraction) return `${(v * 100).toFixed(1)} %`;
    if (unit === "By") return binary(v);
    if (unit === "By/s") return `${binary(v)}/s`;
    return `${v >= 100 ? v.toFixed(0) : v.toFixed(2)}${unit.startsWith("{") ? ` ${unit.replace(/[{}]/g, "")}` : ""}`;
  };

  function draw(box, series, payload) {
    // A canvas takes no custom properties: let the style sheet resolve them on the box
    const style = getComputedStyle(box);
    const ink = style.color;
    const grid = style.borderTopColor;
    const fraction = series[0].unit === "1" && box.dataset.plot.includes("utilization");
    const unit = series[0].unit;
    const bytes = unit === "By" || unit === "By/s";
    const format = shown(unit, fraction);
    const short = fraction ? (v) => `${(v * 100).toFixed(0)} %` : shown(bytes ? unit : "", false);
    const step = payload.step;
    const start = Math.floor(Date.parse(payload.start) / 1000 / step) * step;
    const end = Date.parse(payload.end) / 1000;
    const times = [];
    for (let t = start; t <= end; t += step) times.push(t);
    const at = new Map(times.map((t, i) => [t, i]));
    const column = (one, field) => {
      const out = new Array(times.length).fill(null);
      for (const p of one.points) {
        const i = at.get(Math.floor(Date.parse(p.at) / 1000 / step) * step);
        if (i !== undefined) out[i] = p[field];
      }
      return out;
    };
    // A range that is mostly before the first value would show the rest as a dot at its edge
    const known = series.flatMap((one) => one.points.map((p) => Date.parse(p.at) / 1000));
    const from = Math.max(start, Math.min(...known) - 2 * step);
    const few = known.length / series.length < 40;
    const data = [times];
    const lines = [{}];
    const bands = [];
    series.forEach((one, i) => {
      const colour = colours[i % colours.length];
      data.push(column(one, "mean"));
      lines.push({ label: one.instance || "mean", stroke: colour, width: 1.5, value: (_u, v) => format(v), spanGaps: false, points: { show: few } });
    });
    if (series.length === 1) {
      data.push(column(series[0], "max"), column(series[0], "min"));
      lines.push({ label: "max", stroke: colours[0], width: 0, value: (_u, v) => format(v), points: { show: false } });
      lines.push({ label: "min", stroke: colours[0], width: 0, value: (_u, v) => format(v), points: { show: false } });
      bands.push({ series: [2, 3], fill: "rgba(66, 153, 225, 0.18)" });
    }
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const options = {
      width: box.clientWidth, height: 200, bands, series: lines,
      scales: { x: { min: from, max: end }, y: { range: (_u, _min, max) => [0, fraction ? Math.max(1, max ?? 1) : (max || 1) * 1.1] } },
      axes: [axis, { ...axis, size: 80, values: (_u, ticks) => ticks.map(short), ...(bytes ? { incrs: binaryIncrements } : {}) }],
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
      fmtDate: (tpl) => uPlot.fmtDate(tpl.replace("{h}", "{HH}").replace("{aa}", "")),
      legend: { live: true },
      cursor: { sync: { key: "utilization" } },
    };
    options.axes[0].values = [
      [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
      [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
      [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
      [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
    ];
    lines[0] = { value: "{YYYY}-{MM}-{DD} {HH}:{mm} UTC" };
    box.replaceChildren();
    return new uPlot(options, data, box);
  }

  async function start() {
    const boxes = [...document.querySelectorAll("[data-plot]")];
    if (!boxes.length) return;
    const answer = await fetch(boxes[0].dataset.url, { headers: { accept: "application/json" } });
    if (!answer.ok) {
      for (const box of boxes) box.textContent = (await answer.clone().json()).detail;
      return;
    }
    const payload = await answer.json();
    const charts = new Map();
    const all = () => {
      for (const box of boxes) {
        charts.get(box)?.destroy();
        const series = payload.series.filter((one) => one.metric === box.dataset.plot && one.points.length);
        if (series.length) charts.set(box, draw(box, series.slice(0, 8), payload));
        else box.textContent = "No data in this range.";
      }
    };
    all();
    document.addEventListener("driftline:theme", all);
    let pending = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(() => charts.forEach((chart, box) => chart.setSize({ width: box.clientWidth, height: 200 })));
    });
  }
  start();
})();
