// Draws each <canvas data-chart="#id"> from the JSON under that id (templates/parts/chart.html), in the
// colours of the theme, again when the theme changes; and shows its table instead when asked.
const root = document.documentElement;
const variable = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const number = new Intl.NumberFormat(root.lang);
const short = new Intl.NumberFormat(root.lang, { notation: "compact" });
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

const dataset = (kind, series, isTop) => {
  const colour = variable(`--bar-${series.colour}`);
  const shared = { label: series.label, data: series.values, backgroundColor: colour };
  if (kind === "line") {
    return { ...shared, borderColor: colour, borderWidth: 2, pointRadius: 0, pointHitRadius: 12, tension: 0.25 };
  }
  const borderRadius = isTop ? { topLeft: 3, topRight: 3 } : 0;
  return { ...shared, borderRadius, barPercentage: 0.72, categoryPercentage: 0.9, maxBarThickness: 40 };
};

const options = (stacked, animated) => {
  const isRtl = root.dir === "rtl";
  const ink = variable("--quiet");
  const font = { family: variable("--tblr-font-sans-serif"), size: 11 };
  const plain = { color: ink, font };
  return {
    maintainAspectRatio: false,
    locale: root.lang,
    animation: animated && !still ? { duration: 350 } : false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: {
        stacked,
        reverse: isRtl,
        grid: { display: false },
        border: { display: false },
        ticks: { ...plain, maxRotation: 0, autoSkipPadding: 18 },
      },
      y: {
        stacked,
        beginAtZero: true,
        position: isRtl ? "right" : "left",
        border: { display: false },
        grid: { color: variable("--chart-grid") },
        ticks: { ...plain, maxTicksLimit: 5, precision: 0, callback: (value) => short.format(value) },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        rtl: isRtl,
        backgroundColor: variable("--tip-bg"),
        titleColor: variable("--tip-ink"),
        bodyColor: variable("--tip-ink"),
        titleFont: font,
        bodyFont: font,
        padding: 10,
        cornerRadius: 8,
        boxPadding: 4,
        usePointStyle: true,
        callbacks: { label: (item) => `${item.dataset.label}: ${number.format(item.parsed.y)}` },
      },
    },
  };
};

const drawn = new Map();
const draw = (canvas, animated) => {
  drawn.get(canvas)?.destroy();
  const { kind, stacked, labels, series } = JSON.parse(document.querySelector(canvas.dataset.chart).textContent);
  const last = series.length - 1;
  const datasets = series.map((one, place) => dataset(kind, one, !stacked || place === last));
  drawn.set(canvas, new Chart(canvas, { type: kind, data: { labels, datasets }, options: options(stacked, animated) }));
};

// A part that htmx swapped brings canvases of its own, and takes others away.
const drawAll = (animated) => {
  for (const [canvas, chart] of drawn) {
    if (canvas.isConnected) continue;
    chart.destroy();
    drawn.delete(canvas);
  }
  document.querySelectorAll("canvas[data-chart]").forEach((canvas) => {
    if (!animated || !drawn.has(canvas)) draw(canvas, animated);
  });
};
drawAll(true);
document.addEventListener("htmx:afterSettle", () => drawAll(true));
new MutationObserver(() => drawAll(false)).observe(root, { attributeFilter: ["data-bs-theme", "class"] });

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-chart-toggle]");
  if (!button) return;
  const isTable = button.getAttribute("aria-pressed") !== "true";
  const card = button.closest("[data-chart-card]");
  button.setAttribute("aria-pressed", isTable);
  card.querySelector("[data-chart-plot]").hidden = isTable;
  card.querySelector("[data-chart-table]").hidden = !isTable;
});
