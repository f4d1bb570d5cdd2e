// Draws every <canvas data-chart="…"> with Chart.js. What is drawn stands in a table beside it: the canvas is hidden
// from screen readers. The attribute is JSON: `kind` ("bars", "lines" or "columns"), `labels`, `axis` (its unit), and
// `series`, each with `label`, `look` and `values`. A look is a colour of the theme and a pattern, never a colour alone.
// A canvas has no id: htmx copies the attributes of what has the same id, and Chart.js' style attribute is no exception,
// which the policy refuses.

const LOOKS = {
  own: { colour: "--accent", pattern: "solid", dash: [] },
  second: { colour: "--ember", pattern: "rising", dash: [8, 4] },
  third: { colour: "--good", pattern: "dots", dash: [2, 3] },
  fourth: { colour: "--code-builtin", pattern: "falling", dash: [12, 3, 2, 3] },
  others: { colour: "--ink-3", pattern: "rising", dash: [8, 4] },
  free: { colour: "--good", pattern: "empty", dash: [2, 3] },
  away: { colour: "--warn", pattern: "dots", dash: [2, 3] },
};
const TILE = 8;
const drawn = new Map();

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A tile that repeats: lines one way or the other, dots, or nothing inside of the border.
function fill(look) {
  const colour = colourOf(look.colour);
  if (look.pattern === "solid") return colour;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE;
  const pen = tile.getContext("2d");
  pen.fillStyle = colourOf("--surface");
  pen.fillRect(0, 0, TILE, TILE);
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 2;
  if (look.pattern === "dots") {
    for (const at of [2, 6]) pen.fillRect(at - 1, at - 1, 2, 2);
  } else if (look.pattern !== "empty") {
    for (const shift of [-TILE, 0, TILE]) {
      pen.moveTo(shift, look.pattern === "rising" ? TILE : 0);
      pen.lineTo(shift + TILE, look.pattern === "rising" ? 0 : TILE);
    }
    pen.stroke();
  }
  return pen.createPattern(tile, "repeat");
}

function describe({ label, values, look: name }, kind) {
  const look = LOOKS[name] ?? LOOKS.own;
  const colour = colourOf(look.colour);
  const own = { label, data: values, borderColor: colour, backgroundColor: fill(look) };
  if (kind !== "lines") return { ...own, borderWidth: 1, maxBarThickness: 28 };
  return { ...own, backgroundColor: colour, borderDash: look.dash, borderWidth: 2, pointRadius: 0, stepped: true };
}

// A line's own dashes stand in the legend too.
function legend(kind) {
  const plain = Chart.defaults.plugins.legend.labels.generateLabels;
  const dashed = (chart) => plain(chart).map((item) => ({ ...item, lineDash: chart.data.datasets[item.datasetIndex].borderDash }));
  const line = { usePointStyle: true, pointStyle: "line", pointStyleWidth: 48, generateLabels: dashed };
  const labels = { color: colourOf("--ink-2"), boxWidth: 20, boxHeight: 10, padding: 12 };
  return { position: "bottom", align: "start", labels: kind === "lines" ? { ...labels, ...line } : labels };
}

function scales({ kind, axis }) {
  const ticks = { color: colourOf("--ink-2"), maxRotation: 0, autoSkipPadding: 16 };
  const title = { display: Boolean(axis), text: axis, color: colourOf("--ink-2") };
  const counted = {
    stacked: kind !== "lines", beginAtZero: true, grid: { color: colourOf("--line") }, ticks: { ...ticks, precision: 0 }, title,
  };
  const named = { stacked: kind !== "lines", grid: { display: false }, ticks };
  return kind === "bars" ? { x: counted, y: named } : { x: named, y: counted };
}

function settings(chart) {
  return {
    type: chart.kind === "lines" ? "line" : "bar",
    data: { labels: chart.labels, datasets: chart.series.map((each) => describe(each, chart.kind)) },
    options: {
      animation: false, // drawn anew every few seconds; nothing moves for those who want no motion either
      indexAxis: chart.kind === "bars" ? "y" : "x",
      interaction: { mode: "index", axis: chart.kind === "bars" ? "y" : "x", intersect: false },
      locale: document.documentElement.lang,
      maintainAspectRatio: false,
      plugins: { legend: legend(chart.kind) },
      scales: scales(chart),
    },
  };
}

function draw(canvas) {
  drawn.get(canvas)?.destroy();
  Chart.defaults.font.family = colourOf("--sans");
  drawn.set(canvas, new Chart(canvas, settings(JSON.parse(canvas.dataset.chart))));
}

function drawAll(root) {
  for (const [canvas, chart] of drawn) {
    if (canvas.isConnected) continue;
    chart.destroy();
    drawn.delete(canvas);
  }
  for (const canvas of root.querySelectorAll("canvas[data-chart]")) draw(canvas);
}

document.addEventListener("htmx:load", (event) => drawAll(event.detail.elt));
new MutationObserver(() => drawAll(document)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
