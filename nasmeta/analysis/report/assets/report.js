(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const valid = data.validation && data.tasks.some((task) => task.unit === "percent") ? "Validation" : "Signal";
  const simulated = data.known ? "simulated " : ""; // where no optimum is known, something took time of its own
  const CHOICES = {
    measure: [["valid", valid], ["test", "Test"]],
    scale: [["log", "regret, log"], ["linear", "regret, linear"], ["value", "value"]].slice(data.known ? 0 : 2),
    axis: [["evaluation", "evaluations"], ["simulated_seconds", `${simulated}time`]],
    "axis-scale": [["log", "log"], ["linear", "linear"]],
    centre: [["mean", "mean, 95 %"], ["median", "median, quartiles"], ["line", "mean alone"]],
  };
  const STATISTICS = { mean: ["mean", "low", "high"], median: ["median", "q25", "q75"], line: ["mean", "low", "high"] };
  const MOST_DECADES = 3; // of the logarithmic part of the regret axis
  const FONT = { family: 'system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif', size: 12, color: "#1b2430" };
  // Where a finger scrolls the page it must not zoom a plot. Nothing is ever sent to plotly's servers.
  const hovers = matchMedia("(hover: hover)").matches;
  const CONFIG = { displaylogo: false, responsive: true, displayModeBar: hovers && "hover", showSendToCloud: false,
    showLink: false, modeBarButtonsToRemove: ["sendDataToCloud", "sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" } };
  const bands = data.searchers.length <= 8;
  const state = { measure: "valid", scale: data.known ? "log" : "value", axis: data.axis, "axis-scale": "log", centre: bands ? "mean" : "line",
    tasks: data.tasks.map(() => true), searchers: data.searchers.map(() => true) };

  // ---- numbers
  const short = (number) => number === null ? "–"
    : Math.abs(number) >= 1000 ? Math.round(number).toLocaleString("en") : String(+number.toPrecision(4));
  function duration(seconds) {
    if (seconds < 100) return `${Math.round(seconds)} s`;
    return seconds < 48 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} days`;
  }
  const budget = (x) => state.axis === "evaluation" ? `after ${x.toLocaleString("en")} evaluations` : `after ${duration(x)}`;
  const chosen = (list, flags) => list.filter((_, position) => flags[position]);

  // ---- controls
  function segments(name) {
    const box = element("div", { class: "segments" });
    for (const [value, label] of CHOICES[name]) {
      const input = element("input", { type: "radio", name, value, checked: state[name] === value });
      input.addEventListener("change", () => { state[name] = value; draw(); });
      box.append(element("label", {}, input, element("span", {}, label)));
    }
    document.getElementById(name).append(box);
  }
  function swatch({ colour, dash, marker }) {
    const shapes = {
      circle: '<circle cx="17" cy="7" r="3.6"/>', square: '<rect x="13.7" y="3.7" width="6.6" height="6.6"/>',
      "triangle-up": '<path d="M17 2.6 21 10H13Z"/>', "triangle-down": '<path d="M17 11.4 21 4H13Z"/>',
      diamond: '<path d="M17 2.4 21.4 7 17 11.6 12.6 7Z"/>',
      cross: '<path d="M15.6 2.8h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8V8.4h-2.8V5.6h2.8Z"/>',
      x: '<path d="M14 2.6 17 5.4 20 2.6 21.4 4 18.6 7 21.4 10 20 11.4 17 8.6 14 11.4 12.6 10 15.4 7 12.6 4Z"/>',
    };
    const dashes = dash === "solid" ? "" : ` stroke-dasharray="${dash.replaceAll("px", "")}"`;
    const box = element("span", { "aria-hidden": "true" });
    box.innerHTML = `<svg width="34" height="14"><path d="M0 7H34" stroke="${colour}" stroke-width="2"${dashes}/>` +
      `<g fill="${colour}" stroke="#fff" stroke-width=".8">${shapes[marker]}</g></svg>`;
    return box;
  }
  function boxes(name, list, drawing) {
    const box = element("div", { class: "boxes" });
    const inputs = list.map((item, position) => {
      const input = element("input", { type: "checkbox", name, value: item.name, checked: true });
      input.addEventListener("change", () => { state[name][position] = input.checked; draw(); });
      const label = element("label", {}, input, ...(drawing ? [drawing(item)] : []), item.name);
      if (drawing) {
        for (const [event, on] of [["mouseenter", true], ["mouseleave", false], ["focusin", true], ["focusout", false]]) {
          label.addEventListener(event, () => highlight(on && input.checked ? item.name : null));
        }
      }
      box.append(label);
      return input;
    });
    if (list.length > 2) {
      for (const [label, on] of [["all", true], ["none", false]]) {
        const button = element("button", { type: "button" }, label);
        button.setAttribute("aria-label", `${label} ${name}`);
        button.addEventListener("click", () => {
          inputs.forEach((input) => { input.checked = on; });
          state[name].fill(on);
          draw();
        });
        box.append(button);
      }
    }
    document.getElementById(name).append(box);
  }
  function highlight(name) { // fade all curves but those of one searcher
    for (const plot of document.querySelectorAll(".plot.js-plotly-plot")) {
      plot.querySelectorAll(".scatterlayer > .trace").forEach((trace, position) => {
        trace.style.opacity = name === null || plot.data[position]?.legendgroup === name ? "" : "0.12";
      });
    }
  }
  function controls() {
    Object.keys(CHOICES).forEach(segments);
    boxes("tasks", data.tasks);
    boxes("searchers", data.searchers, swatch);
    const test = document.querySelector('input[name=measure][value=test]');
    test.disabled = !data.tested;
    if (!data.tested) test.closest("label").title = "No test column of these tasks is here: see nasmeta data list.";
    document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  }

  // ---- the regret axis: logarithmic, and linear close to 0, so that the optimum has a place on it
  function symlog(threshold) {
    return (y) => (y === null ? null : y >= threshold ? 0.5 + Math.log10(y / threshold) : 0.5 * y / threshold);
  }
  function thresholdOf(values) {
    const positive = values.filter((y) => y !== null && y > 0);
    if (!positive.length) return 1;
    const top = Math.max(...positive);
    return 10 ** Math.floor(Math.log10(Math.max(Math.min(...positive), top / 10 ** MOST_DECADES)));
  }
  function symlogTicks(threshold, top) {
    const values = [0], texts = ["0"];
    for (let tick = threshold; tick <= top * 1.0001; tick *= 10) {
      for (const factor of [1, 2, 5]) {
        if (factor * tick > top * 1.0001) break;
        values.push(symlog(threshold)(factor * tick));
        texts.push(factor === 1 ? short(tick) : "");
      }
    }
    return { tickvals: values, ticktext: texts };
  }

  // ---- a logarithmic axis of less than two decades: plotly would label its one or two powers of ten and nothing else
  function logTicks(xs) {
    const [low, high] = [Math.min(...xs), Math.max(...xs)];
    if (!(low > 0) || high >= 100 * low) return { dtick: 1, minor: { ticks: "outside", ticklen: 3, tickcolor: "#b9c2cd" } };
    const labelled = high < 5 * low ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5];
    const values = [], texts = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (let digit = 1; digit <= 9; digit += 1) {
        values.push(+`${digit}e${power}`);
        texts.push(!labelled.includes(digit) ? "" : power < 3 ? short(+`${digit}e${power}`) : power < 6 ? `${digit * 10 ** (power - 3)}k` : `${digit * 10 ** (power - 6)}M`);
      }
    }
    return { tickmode: "array", tickangle: 0, tickvals: values, ticktext: texts };
  }

  // ---- one panel
  function shownValues(task, curve) {
    const packed = curve[state.measure][state.axis];
    if (!packed) return null;
    const [centre, low, high] = STATISTICS[state.centre].map((name) => packed[name]);
    let change = (y) => y;
    let swapped = false; // where a difference is taken the bounds change places
    if (state.measure === "valid" && state.scale === "value") {
      change = (y) => (y === null ? null : task.optimum - task.sign * y);
      swapped = task.sign > 0;
    } else if (state.measure === "test" && state.scale !== "value") {
      change = (y) => (y === null ? null : Math.max(0, task.sign * (task.test.best - y)));
      swapped = task.sign > 0;
    }
    const [a, b] = swapped ? [high, low] : [low, high];
    return { x: packed.x, centre: centre.map(change), low: a.map(change), high: b.map(change) };
  }
  function tracesOf(look, name, { x, centre, low, high }, place, said, banded) {
    const traces = [];
    const line = { color: look.colour, width: 2, shape: "hv", dash: look.dash };
    if (banded && low.some((y) => y !== null)) {
      const edge = { x, mode: "lines", line: { width: 0, shape: "hv", color: look.colour }, hoverinfo: "skip", legendgroup: name, showlegend: false };
      traces.push({ ...edge, y: low.map(place) });
      traces.push({ ...edge, y: high.map(place), fill: "tonexty", fillcolor: `${look.colour}26` });
    }
    traces.push({ x, y: centre.map(place), name, mode: "lines+markers", line, customdata: said, legendgroup: name, showlegend: false,
      marker: { symbol: look.marker, size: 8, color: look.colour, maxdisplayed: 6, line: { color: "#fff", width: 1 } },
      hovertemplate: `<b>${name}</b><br>%{customdata}<extra></extra>` });
    return traces;
  }
  function layoutOf(xTitle, yTitle, xLog, yAxis) {
    return {
      margin: { l: 58, r: 12, t: 8, b: 44 }, font: FONT, paper_bgcolor: "#fff", plot_bgcolor: "#fff", showlegend: false,
      hovermode: "closest", dragmode: hovers && "zoom", hoverlabel: { bgcolor: "#fff", bordercolor: "#5a6675", font: FONT, align: "left" },
      xaxis: { title: { text: xTitle, standoff: 8 }, type: xLog ? "log" : "linear", gridcolor: "#edf0f3", zeroline: false,
        linecolor: "#7b8794", ticks: "outside", tickcolor: "#7b8794", exponentformat: "SI", ...(xLog ? logTicks(xLog) : {}) },
      yaxis: { title: { text: yTitle, standoff: 6 }, gridcolor: "#edf0f3", zeroline: false, linecolor: "#7b8794",
        ticks: "outside", tickcolor: "#7b8794", ...yAxis },
    };
  }
  function panel(task, node) {
    const parts = [];
    for (const curve of task.curves) {
      if (!state.searchers[curve.searcher]) continue;
      const values = shownValues(task, curve);
      if (values) parts.push([data.searchers[curve.searcher], curve, values]);
    }
    const centres = parts.flatMap(([, , values]) => values.centre);
    const log = state.scale === "log";
    const threshold = thresholdOf(centres);
    const place = log ? symlog(threshold) : (y) => y;
    const traces = parts.flatMap(([look, curve, values]) => {
      const said = values.x.map((x, i) => `${budget(x)}<br>${STATISTICS[state.centre][0]} ${short(values.centre[i])}` +
        (values.low[i] === null ? "" : ` [${short(values.low[i])}, ${short(values.high[i])}]`) +
        `<br>${curve.runs} run${curve.runs === 1 ? "" : "s"}`);
      return tracesOf(look, look.name, values, place, said, state.centre !== "line");
    });
    let yAxis = {};
    if (log) {
      const top = Math.max(threshold, ...centres, ...parts.flatMap(([, , values]) => values.high)) * 1.15;
      yAxis = { ...symlogTicks(threshold, top), range: [-0.06, place(top)] };
    } else if (state.scale === "linear") {
      yAxis = { rangemode: "tozero" };
    } else if (centres.length) { // the first evaluations are far off: show where the searchers differ
      const late = parts.flatMap(([, , values]) => values.centre.slice(Math.floor(values.centre.length / 4)));
      const [low, high] = [Math.min(...late), Math.max(...late)];
      const pad = 0.08 * (high - low) || 1;
      yAxis = { range: [low - pad, high + pad] };
    }
    const unit = state.scale === "value" ? task.unit : task.regretUnit;
    const what = state.scale === "value" ? (state.measure === "test" ? "test value" : "best value") : "regret";
    const xTitle = state.axis === "evaluation" ? "evaluations" : `${simulated}training time (s)`;
    const layout = layoutOf(xTitle, unit ? `${what} (${unit})` : what, state["axis-scale"] === "log" && parts.flatMap(([, , values]) => values.x), yAxis);
    if (!parts.length) {
      layout.annotations = [{ text: emptyText(task), showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }];
      layout.xaxis.range = [0, 1];
      layout.yaxis = { ...layout.yaxis, range: [0, 1], tickvals: [], ticktext: [] };
    }
    Plotly.react(node, traces, layout, CONFIG);
  }
  function emptyText(task) {
    if (!state.searchers.some(Boolean)) return "No searcher is chosen.";
    return state.measure === "test" && !task.test ? "No test column of this task is here." : "No curve: runs end too early.";
  }

  // ---- everything
  const panels = document.getElementById("panels");
  const nodes = data.tasks.map((task) => {
    const plot = element("div", { class: "plot", role: "img" });
    const node = element("div", { class: "panel" }, element("h3", {}, task.name), plot);
    return { node, plot };
  });
  function hint() {
    const parts = [];
    if (state.measure === "test") {
      parts.push(`The test value of the architecture that is best on ${data.validation ? "validation" : "the signal"} so far.`);
      if (state.scale !== "value") parts.push(`Regret: its distance to the best test value of all architectures; choosing by ${data.validation ? "validation" : "the signal"} does not bring it to 0.`);
    } else if (state.scale !== "value") {
      parts.push("Regret: distance to the best of all architectures.");
      if (state.scale === "log") parts.push("The axis is logarithmic, and linear close to 0, where the optimum is.");
    }
    if (!data.tested) parts.push("Test values need a test column of the tasks (nasmeta data list).");
    parts.push(hovers ? "Hover a curve for its numbers, drag to zoom, double-click to go back." : "Tap a curve for its numbers.");
    document.getElementById("hint").textContent = parts.join(" ");
  }
  function draw() {
    hint();
    const shown = state.tasks.filter(Boolean).length;
    panels.classList.toggle("few", shown <= 2);
    data.tasks.forEach((task, position) => {
      const { node, plot } = nodes[position];
      if (!state.tasks[position]) { node.remove(); return; }
      const after = nodes.slice(position + 1).map((other) => other.node).find((other) => other.isConnected);
      if (!node.isConnected) panels.insertBefore(node, after ?? null);
      panel(task, plot);
      plot.setAttribute("aria-label", `Search curves on ${task.name}; the tables below hold the numbers.`);
    });
    if (!shown) panels.textContent = ""; // nothing chosen, nothing shown
    overall();
    requestAnimationFrame(() => chosen(nodes, state.tasks).forEach(({ plot }) => Plotly.Plots.resize(plot)));
  }
  function overall() {
    const wide = document.getElementById("overall");
    if (!data.ranks) { wide.hidden = true; return; }
    const share = data.ranks.x !== "evaluation";
    const traces = chosen(data.searchers.map((look, i) => [look, data.ranks.curves[i]]), state.searchers)
      .flatMap(([look, curve]) => {
        const { x, y } = curve;
        const said = x.map((at, i) => `rank ${y[i].toFixed(2)} ${share ? `at ${short(100 * at)} % of the time` : `after ${at.toLocaleString("en")} evaluations`}`);
        return tracesOf(look, look.name, { x, centre: y, low: [], high: [] }, (v) => v, said, false);
      });
    const layout = layoutOf(share ? `share of the ${simulated}time` : "evaluations", "average rank (1 is the best)", traces.flatMap(({ x }) => x),
      { range: [data.searchers.length + 0.2, 0.8] });
    Plotly.react("ranks-plot", traces, layout, CONFIG);
  }

  // ---- tables that sort by a click on a heading
  function sortable(table) {
    const headings = [...table.querySelectorAll("thead th")];
    headings.forEach((heading, column) => {
      const button = element("button", { type: "button", title: "sort" }, heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => row.children[column].textContent;
        const number = (text) => Number.parseFloat(text.replaceAll(",", "").replace("−", "-").replace("< ", "").replace("∞", "Infinity"));
        const rows = [...table.tBodies[0].rows].sort((one, other) => {
          const [a, b] = [key(one), key(other)], [x, y] = [number(a), number(b)];
          if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // dashes last, either way
          const order = Number.isNaN(x) ? a.localeCompare(b) : x - y;
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  controls();
  draw();
  document.querySelectorAll("table").forEach(sortable);
})();
