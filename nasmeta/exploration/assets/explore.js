(() => {
  const index = JSON.parse(document.getElementById("data").textContent);
  const tasks = index.tables.flatMap((table, number) => table.tasks.map(([name, family], position) => ({ name, family, table: number, position })));
  const state = { entry: null, data: null, task: null, column: null, other: 0, range: "all", chosen: -1, step: 0 };
  const unpacked = new Map(); // tables that were opened
  const MINUS = "−";

  // ---- page elements and numbers
  const $ = (id) => document.getElementById(id);
  const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const count = (number) => number.toLocaleString("en");
  function written(value, decimals) {
    if (value === null || value === undefined) return "not measured";
    if (decimals === null) return short(+value.toPrecision(4)); // values over orders of magnitude
    return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", MINUS);
  }
  const valueOf = (column, value) => written(value, column.decimals) + (value === null ? "" : unitOf(column));
  const unitOf = ({ unit }) => (unit === "percent" ? " %" : unit && ` ${unit}`);
  const more = ({ decimals }) => decimals && decimals + 1; // decimals of a standard deviation
  const labelOf = ({ dataset, metric }) => (dataset === state.column.dataset ? metric : `${dataset}: ${metric}`);
  const titleOf = (column) => labelOf(column) + (column.unit && ` (${column.unit})`);
  const architecture = (position) => `Architecture ${state.data.cells[position]}`;

  async function unpack(number) {
    if (!unpacked.has(number)) {
      const bytes = Uint8Array.from(atob($(`table-${number}`).textContent), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      unpacked.set(number, JSON.parse(await new Response(stream).text()));
    }
    return unpacked.get(number);
  }

  // ---- charts: a canvas with axes, layers of bars, dots and lines, and items whose tip is written on demand
  const charts = [];
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  };
  function ticksOf({ low, high, log }, most) {
    const decades = log ? Math.log10(high / low) : 0;
    if (decades > 1) { // shorter logarithmic axes have the ticks of linear ones
      const factors = decades > 2.5 ? [1] : [1, 2, 5];
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
        found.push(...factors.map((factor) => +`${factor}e${power}`).filter((tick) => tick >= low && tick <= high));
      }
      return found.filter((_, place) => place % Math.ceil(found.length / most) === 0);
    }
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, place) => +((first + place) * step).toPrecision(10));
  }
  function short(value) {
    const size = Math.abs(value);
    const text = size >= 1e6 ? `${+(value / 1e6).toPrecision(4)}M` : size >= 1e4 ? `${+(value / 1e3).toPrecision(4)}k`
      : size && size < 1e-3 ? value.toExponential().replace("+", "") : String(+value.toPrecision(6));
    return text.replaceAll("-", MINUS);
  }
  function rangeOf(values, { log = false, pad = 0.03 } = {}) {
    const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (log) return { low: low / (high / low) ** pad, high: high * (high / low) ** pad, log };
    const more = pad * (high - low) || Math.abs(high) * 0.05 || 1;
    return { low: low - more, high: high + more, log };
  }
  function scaleOf({ low, high, log }, from, to) {
    const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
    return (value) => from + (((log ? Math.log(value) : value) - a) / (b - a)) * (to - from);
  }
  function drawAxes(pen, colour, { x, y }, { left, right, top, bottom }, toX, toY) {
    pen.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
    pen.lineWidth = 1;
    const line = (...ends) => { pen.beginPath(); pen.moveTo(ends[0], ends[1]); pen.lineTo(ends[2], ends[3]); pen.stroke(); };
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const tick of y.ticks) {
      const at = Math.round(toY(tick)) + 0.5;
      pen.strokeStyle = colour("grid");
      line(left, at, right, at);
      pen.fillStyle = colour("soft");
      pen.fillText(short(tick), left - 7, at);
    }
    pen.textAlign = "center";
    for (const tick of x.ticks) {
      const at = Math.round(toX(tick)) + 0.5;
      pen.strokeStyle = colour("grid");
      line(at, top, at, bottom);
      pen.fillStyle = colour("soft");
      pen.fillText(short(tick), at, bottom + 13);
    }
    pen.strokeStyle = colour("axis");
    line(left, bottom + 0.5, right, bottom + 0.5);
    line(left + 0.5, top, left + 0.5, bottom);
    pen.fillStyle = colour("ink");
    pen.fillText(x.title, (left + right) / 2, bottom + 34, right - left + 30);
    pen.save();
    pen.translate(10, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(y.title, 0, 0, bottom - top + 20);
    pen.restore();
  }
  function drawLayer(pen, colour, layer, toX, toY, bottom) {
    const paint = colour(layer.colour ?? "dot");
    pen.fillStyle = pen.strokeStyle = paint;
    pen.globalAlpha = layer.alpha ?? 1;
    if (layer.bars) {
      layer.bars.forEach((height, i) => {
        const [from, to] = [toX(layer.edges[i]), toX(layer.edges[i + 1])];
        if (height) pen.fillRect(from + 0.5, Math.min(toY(height), bottom - 1.5), Math.max(to - from - 1, 1), Math.max(bottom - toY(height), 1.5));
      });
    } else if (layer.line) {
      pen.lineWidth = 2;
      pen.setLineDash(layer.dash ?? []);
      pen.beginPath();
      layer.line.forEach(([x, y], i) => {
        if (i && layer.steps) pen.lineTo(toX(x), toY(layer.line[i - 1][1]));
        pen.lineTo(toX(x), toY(y));
      });
      pen.stroke();
      pen.setLineDash([]);
    } else {
      layer.dots.forEach(([x, y]) => {
        pen.beginPath();
        pen.arc(toX(x), toY(y), layer.size ?? 2.5, 0, 2 * Math.PI);
        if (layer.ring) { pen.lineWidth = layer.ring; pen.stroke(); } else pen.fill();
      });
    }
    pen.globalAlpha = 1;
  }
  class Chart {
    constructor(id, make) {
      Object.assign(this, { box: $(id), make, items: [], at: -1 });
      this.canvas = element("canvas", { role: "img", tabIndex: 0 });
      this.box.append(this.canvas);
      this.canvas.addEventListener("pointermove", (event) => this.point(event));
      this.canvas.addEventListener("pointerleave", hideTip);
      this.canvas.addEventListener("blur", () => { hideTip(); this.draw(); });
      this.canvas.addEventListener("click", (event) => {
        const item = this.point(event);
        if (item?.cell !== undefined) choose(item.cell);
      });
      this.canvas.addEventListener("keydown", (event) => this.key(event));
      new ResizeObserver(([{ contentRect: { width, height } }]) => {
        if (width !== this.width || height !== this.height) this.draw();
      }).observe(this.box);
      charts.push(this);
    }
    draw() {
      if (!state.task) return;
      const spec = this.make(), { width, height } = this.box.getBoundingClientRect();
      this.box.classList.toggle("none", Boolean(spec.empty));
      this.box.querySelector("p")?.remove();
      this.canvas.hidden = Boolean(spec.empty);
      this.items = spec.items ?? [];
      if (spec.empty) { this.box.append(element("p", {}, spec.empty)); return; }
      if (!width || height < 60) return;
      Object.assign(this, { width, height });
      const ratio = devicePixelRatio || 1, colour = theme(), pen = this.canvas.getContext("2d");
      this.canvas.width = width * ratio;
      this.canvas.height = height * ratio;
      pen.scale(ratio, ratio);
      const area = { left: 62, right: width - 14, top: 10, bottom: height - 48 };
      const toX = scaleOf(spec.x, area.left, area.right), toY = scaleOf(spec.y, area.bottom, area.top);
      spec.x.ticks = ticksOf(spec.x, Math.max(3, (area.right - area.left) / 52));
      spec.y.ticks = ticksOf(spec.y, Math.max(3, (area.bottom - area.top) / 48));
      drawAxes(pen, colour, spec, area, toX, toY);
      for (const layer of spec.layers) drawLayer(pen, colour, layer, toX, toY, area.bottom);
      for (const item of this.items) { item.px = toX(item.x); item.py = toY(item.y); }
      const marked = this.items.find((item) => item.cell === state.chosen);
      if (marked) drawLayer(pen, colour, { dots: [[marked.x, marked.y]], size: 8, ring: 2.5, colour: "mark" }, toX, toY);
      this.spec = spec;
      this.canvas.setAttribute("aria-label", spec.label);
    }
    point(event) {
      const frame = this.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
      let found, nearest = event.pointerType === "touch" ? 26 : 14;
      for (const item of this.items) {
        const away = item.width ? (Math.abs(item.px - x) <= item.width ? 0.5 : Infinity) : Math.hypot(item.px - x, item.py - y);
        if (away < nearest) { nearest = away; found = item; }
      }
      if (found) this.tip(found); else hideTip();
      return found;
    }
    key(event) {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (event.key === "Enter" && this.at >= 0) choose(this.items[this.at].cell ?? -1);
      if (!by) return;
      event.preventDefault();
      if (this.spec.move) { this.spec.move(by); return; }
      const walk = this.spec.walk ?? [...this.items.keys()];
      if (!walk.length) return;
      const place = walk.indexOf(this.at);
      this.at = walk[(place < 0 ? (by > 0 ? 0 : walk.length - 1) : place + by + walk.length) % walk.length];
      this.draw(); // without the ring of the last point
      const item = this.items[this.at], same = (pixels) => pixels;
      if (!item.width) drawLayer(this.canvas.getContext("2d"), theme(), { dots: [[item.px, item.py]], size: 7, ring: 2, colour: "ink" }, same, same);
      this.tip(item);
    }
    tip(item) {
      const box = $("tip"), frame = this.canvas.getBoundingClientRect();
      box.innerHTML = escape(item.text()) + (item.cell === undefined ? "" : drawing(item.cell));
      box.hidden = false;
      const { width, height } = box.getBoundingClientRect(), [x, y] = [frame.left + item.px, frame.top + item.py];
      box.style.left = `${scrollX + Math.max(6, Math.min(x + 14, innerWidth - width - 6))}px`;
      box.style.top = `${scrollY + (y + height + 18 > innerHeight ? Math.max(4, y - height - 12) : y + 14)}px`;
    }
  }
  const hideTip = () => { $("tip").hidden = true; };
  const redraw = () => charts.forEach((one) => one.draw());

  // ---- drawings of architectures
  const OPERATIONS = ["#56B4E9", "#0072B2", "#CC79A7", "#009E73", "#E69F00", "#D55E00"];
  const LABELS = { skip_connect: "skip", nor_conv_1x1: "conv 1×1", nor_conv_3x3: "conv 3×3", avg_pool_3x3: "pool 3×3" };
  const FOUR = { places: [[0, 0], [1.15, 0.75], [1.85, -0.75], [3, 0]], bends: { "0,1": -0.08, "0,2": 0.08, "1,3": -0.08, "2,3": 0.08 }, shares: { "0,3": 0.24 } };
  function liveEdges({ edges, none, nodes }, codes) { // on a path from the input to the output
    const used = edges.map((_, i) => codes[i] !== none);
    const reach = (start, [from, to]) => {
      const seen = new Set([start]);
      for (let turn = 0; turn < nodes; turn += 1) edges.forEach((edge, i) => { if (used[i] && seen.has(edge[from])) seen.add(edge[to]); });
      return seen;
    };
    const [ahead, back] = [reach(0, [0, 1]), reach(nodes - 1, [1, 0])];
    return edges.map(([from, to], i) => used[i] && ahead.has(from) && back.has(to));
  }
  function drawCell(space, codes) {
    const { edges, nodes, operations, none } = space, four = nodes === 4;
    const places = four ? FOUR.places : Array.from({ length: nodes }, (_, node) => [1.5 * node, 0]);
    const real = operations.map((name, i) => [name, i]).filter(([name, i]) => i !== none && !name.startsWith("skip")).map(([, i]) => i);
    const live = liveEdges(space, codes);
    const at = ([x, y]) => [16 + 82 * x, (four ? 84 : 70) - 80 * y];
    let lines = "", labels = "";
    edges.forEach((edge, i) => {
      if (codes[i] === none) return;
      const bend = four ? FOUR.bends[edge] ?? 0 : edge[1] === edge[0] + 1 ? 0 : (edge[0] + edge[1]) % 2 ? 0.3 : -0.3;
      const [a, b] = edge.map((node) => places[node]);
      const control = [(a[0] + b[0]) / 2 + bend * (b[1] - a[1]), (a[1] + b[1]) / 2 - bend * (b[0] - a[0])];
      const share = four ? FOUR.shares[edge] ?? 0.5 : 0.5;
      const along = (t) => at([0, 1].map((k) => (1 - t) ** 2 * a[k] + 2 * t * (1 - t) * control[k] + t ** 2 * b[k]));
      const [x, y] = along(share), [tipX, tipY] = along(0.9), [nearX, nearY] = along(0.84);
      const turn = (Math.atan2(tipY - nearY, tipX - nearX) * 180) / Math.PI;
      const colour = !live[i] ? "var(--edge)" : real.includes(codes[i]) ? OPERATIONS[real.indexOf(codes[i]) % 6] : "var(--soft)";
      lines += `<path d="M${at(a)}Q${at(control)} ${at(b)}" fill="none" stroke="${colour}" stroke-width="2"${live[i] ? "" : ' stroke-dasharray="4 3"'}/>` +
        `<path d="M0 0-8-4-8 4Z" transform="translate(${tipX} ${tipY}) rotate(${turn})" fill="${colour}"/>`;
      const name = LABELS[operations[codes[i]]] ?? operations[codes[i]].replaceAll("_", " ");
      labels += `<text x="${x}" y="${y + 4}" text-anchor="middle" style="paint-order:stroke;stroke:var(--paper);stroke-width:5px"${live[i] ? "" : ' class="soft"'}>${escape(name)}</text>`;
    });
    const dots = places.map((place, node) => {
      const [x, y] = at(place), name = node === 0 ? "in" : node === nodes - 1 ? "out" : node;
      return `<circle cx="${x}" cy="${y}" r="12" fill="var(--paper)" stroke="var(--axis)"/><text x="${x}" y="${y + 4}" text-anchor="middle">${name}</text>`;
    });
    return `<svg class="architecture" viewBox="0 0 ${32 + 82 * places.at(-1)[0]} ${four ? 168 : 140}" aria-hidden="true">${lines}${labels}${dots.join("")}</svg>`;
  }
  function drawChoices({ positions }, codes) { // a row per position: name, place among the choices, choice
    const rows = positions.map(([name, choices], i) => {
      const y = 14 + 17 * i, chosen = choices[codes[i]], number = chosen.length > 6 ? Number(chosen) : NaN;
      const at = choices.length > 1 ? codes[i] / (choices.length - 1) : 0.5;
      return `<text x="0" y="${y}" class="soft">${escape(name.replaceAll("_", " ").slice(0, 18))}</text>` +
        `<path d="M112 ${y - 4}h56" stroke="var(--line)" stroke-width="3" stroke-linecap="round"/><circle cx="${112 + 56 * at}" cy="${y - 4}" r="4" fill="var(--dot)"/>` +
        `<text x="240" y="${y}" text-anchor="end">${escape(Number.isNaN(number) ? chosen.slice(0, 12) : +number.toPrecision(3))}</text>`;
    });
    return `<svg class="architecture" viewBox="0 0 240 ${17 * positions.length + 4}" aria-hidden="true">${rows.join("")}</svg>`;
  }
  function drawing(position) {
    const { space, codes } = state.data;
    return space.edges ? drawCell(space, codes[position]) : drawChoices(space, codes[position]);
  }

  // ---- what the charts show
  const measuredCells = (...columns) => [...state.data.cells.keys()].filter((i) => columns.every(({ values }) => values[i] !== null));
  const better = (column, a, b) => (column.max ? a > b : a < b);
  const say = (position, ...columns) => [architecture(position), ...columns.map((one) => `${labelOf(one)}: ${valueOf(one, one.values[position])}`)].join("\n");

  function valuesChart() {
    const { histogram: { counts, edges, log } } = state.task, { column } = state;
    const most = Math.max(...counts);
    const items = counts.map((n, i) => ({ x: log ? Math.sqrt(edges[i] * edges[i + 1]) : (edges[i] + edges[i + 1]) / 2, y: n, width: 5,
      text: () => `${valueOf(column, edges[i])} to ${valueOf(column, edges[i + 1])}\n${count(n)} architecture${n === 1 ? "" : "s"}` }));
    const x = { ...rangeOf(edges, { log, pad: 0.01 }), title: titleOf(column) };
    return { x, y: { low: 0, high: most * 1.05, title: "architectures" }, items,
      layers: [{ bars: counts, edges }, { line: [[state.task.best, 0], [state.task.best, most * 1.05]], colour: "mark", dash: [5, 4] }],
      label: `Histogram of ${titleOf(column)}; median ${valueOf(column, state.task.median)}, best ${valueOf(column, state.task.best)}` };
  }
  function othersChart() {
    const { column } = state, other = state.data.columns[state.other];
    if (!other || other === column) return { empty: "The table has no other column." };
    let shown = measuredCells(column, other);
    if (!shown.length) return { empty: "No architecture has both values." };
    const byCost = shown.toSorted((a, b) => (other.max ? -1 : 1) * (other.values[a] - other.values[b]) || (column.max ? -1 : 1) * (column.values[a] - column.values[b]));
    const front = [];
    for (const i of byCost) if (!front.length || better(column, column.values[i], column.values[front.at(-1)])) front.push(i);
    if (state.range === "best") {
      const limit = shown.map((i) => column.values[i]).sort((a, b) => (column.max ? b - a : a - b))[Math.floor(shown.length / 4)];
      shown = shown.filter((i) => !better(column, limit, column.values[i]));
    }
    const on = new Set(front), at = (i) => [other.values[i], column.values[i]];
    const visible = front.filter((i) => shown.includes(i));
    const items = shown.map((i) => ({ x: other.values[i], y: column.values[i], cell: i, text: () => say(i, column, other) + (on.has(i) ? "\non the Pareto front" : "") }));
    const log = (one) => one.log && shown.every((i) => one.values[i] > 0);
    const directed = (one) => `${titleOf(one)}, ${one.max ? "higher" : "lower"} is better`;
    $("others-note").textContent = `Green: the Pareto front, ${count(front.length)} architecture${front.length === 1 ? "" : "s"}${visible.length < front.length ? `, ${count(visible.length)} in this range` : ""}. ` +
      `Points: ${count(shown.length)} of ${count(state.task.measured)} architectures (the best, all fronts, and a random sample).`;
    return { x: { ...rangeOf(shown.map((i) => other.values[i]), { log: log(other) }), title: directed(other) },
      y: { ...rangeOf(shown.map((i) => column.values[i]), { log: log(column) }), title: titleOf(column) },
      layers: [{ dots: shown.filter((i) => !on.has(i)).map(at), alpha: 0.4 }, { line: visible.map(at), steps: true, colour: "front" }, { dots: visible.map(at), colour: "front", size: 4 }],
      items, walk: visible.map((i) => shown.indexOf(i)), label: `${titleOf(column)} against ${titleOf(other)}. Arrow keys walk along the Pareto front of ${front.length} architectures.` };
  }
  function noiseChart() {
    const { noise } = state.task, { column } = state;
    if (!noise) return { empty: "The table has one value per architecture for this task, so the noise across seeds is unknown." };
    const shown = measuredCells(column).filter((i) => noise.deviations[i] !== null);
    const log = column.log && noise.median > 0, kept = shown.filter((i) => !log || noise.deviations[i] > 0);
    const deviations = { ...column, metric: "standard deviation", values: noise.deviations, decimals: more(column) };
    const unit = column.unit === "percent" ? "percentage points" : column.unit;
    return { x: { ...rangeOf(kept.map((i) => column.values[i]), column), title: `mean ${titleOf(column)}` },
      y: { ...rangeOf(kept.map((i) => noise.deviations[i]), { log }), title: `standard deviation${unit ? ` (${unit})` : ""}` },
      layers: [{ dots: kept.map((i) => [column.values[i], noise.deviations[i]]), alpha: 0.4 }],
      items: kept.map((i) => ({ x: column.values[i], y: noise.deviations[i], cell: i, text: () => say(i, column, deviations) })),
      label: `Standard deviation across seeds against ${titleOf(column)}` };
  }
  function bestSoFar(length) {
    let best = null;
    return state.task.run.values.slice(0, length).map((value) => { if (best === null || (value !== null && better(state.column, value, best))) best = value; return best; });
  }
  function incumbent(step) {
    const { cells, values } = state.task.run;
    return cells[values.indexOf(bestSoFar(step).at(-1))];
  }
  function curveChart() {
    const { task: { run, best }, column, step } = state, all = bestSoFar(run.values.length), now = all.slice(0, step);
    const points = (list) => list.map((value, i) => [i + 1, value]).filter(([, value]) => value !== null);
    const early = points(all).slice(Math.min(3, all.length - 1)).map(([, value]) => value);
    const y = rangeOf([...early, best], { log: column.log && best > 0, pad: 0.06 });
    const shown = (list) => points(list).map(([i, value]) => [i, Math.min(y.high, Math.max(y.low, value))]);
    return { x: { low: 0, high: run.values.length + 1, title: "evaluations" }, y: { ...y, title: `best ${titleOf(column)}` }, move: (by) => setStep(state.step + by),
      layers: [{ line: [[0, best], [run.values.length + 1, best]], colour: "front", dash: [5, 4] }, { line: shown(all), steps: true, colour: "line" },
        { line: shown(now), steps: true, colour: "mark" }, { dots: shown(now).slice(-1), size: 5, colour: "mark" }],
      items: points(all).map(([i, value]) => ({ x: i, y: Math.min(y.high, Math.max(y.low, value)), text: () => `after ${i} evaluation${i === 1 ? "" : "s"}\nbest ${valueOf(column, value)}` })),
      label: `Best value so far: ${step ? valueOf(column, now.at(-1)) : "none"} after ${step} evaluations; the best of the table is ${valueOf(column, best)}` };
  }

  // ---- texts, cards and tables
  function facts() {
    const { task, column, data } = state, share = task.measured / data.size;
    const points = column.unit === "percent" ? " points" : unitOf(column);
    const list = { [`best ${column.metric} (${column.max ? "higher" : "lower"} is better)`]: valueOf(column, task.best), [`median ${column.metric}`]: valueOf(column, task.median),
      "architectures measured": count(task.measured), "share of the space": `${share === 1 ? 100 : (100 * share).toPrecision(3)} %` };
    $("facts").replaceChildren(...Object.entries(list).map(([name, fact]) => element("div", {}, element("dt", {}, name), element("dd", {}, fact))));
    $("about").textContent = `${task.about[0].toUpperCase()}${task.about.slice(1)}. Source: ${task.source}.`;
    $("values-note").textContent = `All ${count(task.measured)} architectures in 60 bins of equal width${task.histogram.log ? " on a logarithmic axis" : ""}. Dashed: the best.`;
    $("noise-note").textContent = task.noise ? `Seeds ${task.noise.seeds.join(", ")}; ${count(task.noise.repeated)} architectures have at least two. Median standard deviation ` +
      `${written(task.noise.median, more(column))}${points}, of the best percent ${written(task.noise.best, more(column))}${points}.` : "";
    $("replay-note").textContent = `${index.searcher}, seed ${index.seed}, ${task.run.cells.length} evaluations.`;
  }
  function cards() {
    const { column, task, data } = state;
    $("best").replaceChildren(...task.top.map((position, rank) => {
      const card = element("button", { type: "button", class: "card", "aria-pressed": String(position === state.chosen) });
      card.innerHTML = `<b>${rank + 1}. ${escape(valueOf(column, column.values[position]))}</b><span>${architecture(position)}</span>${drawing(position)}`;
      card.title = data.names[position];
      card.addEventListener("click", () => choose(position));
      return card;
    }));
  }
  function choose(position) {
    state.chosen = position === state.chosen ? -1 : position;
    document.querySelectorAll("#best .card").forEach((card, rank) => card.setAttribute("aria-pressed", String(state.task.top[rank] === state.chosen)));
    const box = $("chosen"), { data, column } = state;
    box.hidden = state.chosen < 0;
    if (state.chosen >= 0) {
      const rows = data.columns.filter(({ dataset }) => dataset === column.dataset).map((one) =>
        `<tr><td>${escape(one.name)}</td><td class="num">${escape(written(one.values[state.chosen], one.decimals))}</td><td>${escape(one.unit)}</td></tr>`);
      box.innerHTML = `<div><h3>${architecture(state.chosen)}</h3>${drawing(state.chosen)}</div><div><p><code>${escape(data.names[state.chosen])}</code></p>` +
        `<div class="scroll high" tabindex="0" role="group" aria-label="Values"><table><thead><tr><th>column of ${escape(column.dataset)}</th><th class="num">value</th><th>unit</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></div>`;
    }
    redraw();
  }
  function correlations() {
    const own = state.data.correlations[state.entry.position], names = index.tables[state.entry.table].tasks.map(([name]) => name);
    const rows = own.map((rho, i) => [names[i], rho]).filter(([name, rho]) => name !== state.entry.name && rho !== null).sort((a, b) => b[1] - a[1]);
    $("correlations-note").textContent = rows.length ? "Spearman’s ρ of the orders from best to worst, over all architectures that both tasks measure. Negative bars are orange." : "The table has no other task.";
    $("correlations").innerHTML = rows.map(([name, rho]) => `<tr><td><a href="#${encodeURI(name).replaceAll("#", "%23")}">${escape(name)}</a></td>` +
      `<td class="wide"><i class="${rho < 0 ? "minus" : ""}" style="width:${Math.abs(100 * rho)}%"></i></td><td class="num">${written(rho, 3)}</td></tr>`).join("");
  }

  // ---- the replay
  let timer = null;
  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => { setStep(state.step + 1); if (state.step >= state.task.run.cells.length) play(false); }, 160) : null;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", String(on));
  }
  function setStep(step) {
    const { run } = state.task;
    state.step = Math.max(0, Math.min(run.cells.length, step));
    $("step").value = state.step;
    $("at").textContent = `${state.step} of ${run.cells.length}`;
    const box = $("current");
    if (state.step) {
      const cell = run.cells[state.step - 1], top = incumbent(state.step);
      box.innerHTML = drawing(cell) + `<p>${escape(`Evaluation ${state.step}: ${valueOf(state.column, run.values[state.step - 1])}\n${architecture(cell)}\nBest so far: ${valueOf(state.column, bestSoFar(state.step).at(-1))}\n${architecture(top)}`)}</p>`;
    } else box.innerHTML = "<p>Press Play, or move the slider.</p>";
    curve.draw();
  }

  // ---- everything
  async function show(name) {
    const entry = tasks.find((one) => one.name === name) ?? tasks[0];
    const data = await unpack(entry.table), same = state.entry?.table === entry.table;
    play(false);
    hideTip();
    Object.assign(state, { entry, data, task: data.tasks[entry.position], column: data.columns[entry.position], chosen: -1 });
    $("task").value = entry.name;
    document.title = `${entry.name} · tables of trained networks`;
    const wanted = same ? state.other : -1;
    const others = [...Map.groupBy(data.columns.keys(), (i) => data.columns[i].dataset).values()].flat().filter((i) => i !== entry.position);
    $("other").replaceChildren(...others.map((i) => element("option", { value: String(i) }, `${data.columns[i].dataset}: ${data.columns[i].name}`)));
    const cost = others.find((i) => data.columns[i].dataset === state.column.dataset && !data.columns[i].max);
    state.other = others.includes(wanted) && data.columns[wanted].dataset === state.column.dataset ? wanted : cost ?? others[0] ?? entry.position;
    $("other").value = String(state.other);
    $("step").max = state.task.run.cells.length;
    $("chosen").hidden = true;
    facts();
    cards();
    correlations();
    setStep(state.task.run.cells.length); // draws the curve
    charts.filter((one) => one !== curve).forEach((one) => one.draw());
    document.documentElement.dataset.ready = entry.name;
    performance.mark("ready");
  }
  const go = (name) => { location.hash = encodeURI(name).replaceAll("#", "%23"); };
  const move = (by) => go(tasks[(tasks.indexOf(state.entry) + by + tasks.length) % tasks.length].name);
  const fromAddress = () => show(decodeURIComponent(location.hash.slice(1)));

  new Chart("values", valuesChart);
  new Chart("others", othersChart);
  new Chart("noise", noiseChart);
  const curve = new Chart("curve", curveChart);
  $("task").append(...[...Map.groupBy(tasks, ({ family }) => family)].map(([family, list]) => element("optgroup", { label: family }, ...list.map(({ name }) => element("option", {}, name)))));
  $("task").addEventListener("change", (event) => go(event.target.value));
  $("previous").addEventListener("click", () => move(-1));
  $("next").addEventListener("click", () => move(1));
  $("other").addEventListener("change", (event) => { state.other = Number(event.target.value); redraw(); });
  $("range").addEventListener("change", (event) => { state.range = event.target.value; redraw(); });
  $("step").addEventListener("input", (event) => { play(false); setStep(Number(event.target.value)); });
  $("play").addEventListener("click", () => {
    const on = $("play").getAttribute("aria-pressed") !== "true";
    if (on && state.step >= state.task.run.cells.length) setStep(0);
    play(on);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  fromAddress();
})();
