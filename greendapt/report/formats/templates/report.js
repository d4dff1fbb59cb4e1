"use strict";
// Everything here only redraws or rescales what the page already says; without it nothing is lost.
(() => {
  const at = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // numbers, written as the rest of the page writes them
  const PREFIXES = [[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""],
    [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
  const si = (value, unit) => {
    if (value === 0) return `0 ${unit}`;
    const size = Number(Math.abs(value).toExponential(2));
    const [factor, prefix] = PREFIXES.find(([f]) => size >= f) || PREFIXES.at(-1);
    const scaled = Math.sign(value) * size / factor;
    const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled))));
    const text = scaled.toFixed(decimals);
    return `${decimals ? text.replace(/\.?0+$/, "") : text} ${prefix}${unit}`;
  };
  const grams = (value) => (Math.abs(value) >= 999.5e3 ? si(value / 1e6, "t") : si(value, "g"));
  const money = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

  // tables that sort
  const sortBy = (header) => {
    const table = header.closest("table");
    const column = Number(header.dataset.column);
    const down = header.getAttribute("aria-sort") === "ascending";
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
    };
    const rank = (value) => (typeof value === "number" ? 0 : 1); // what has no number comes last
    const compare = (a, b) =>
      rank(a) - rank(b) ||
      (down ? -1 : 1) * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
    for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  for (const header of all(".sortable th[data-column]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(header));
  }

  // the command, copied; what may not be copied is selected
  if (at("copy")) {
    at("copy").hidden = false;
    at("copy").addEventListener("click", async () => {
      getSelection().selectAllChildren(at("command"));
      try {
        await navigator.clipboard.writeText(at("command").textContent);
        at("copy").textContent = "Copied";
      } catch {
        at("copy").textContent = "Selected: copy it with your keys";
      }
    });
  }

  if (!at("data")) return;

  // Vega and the data, unpacked once; the page's policy knows Vega by its hash
  const inflate = (id) => {
    const bytes = Uint8Array.from(atob(at(id).textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };
  const once = (make) => {
    let made;
    return () => (made ??= make());
  };
  const payload = once(async () => JSON.parse(await inflate("data")));
  const vega = once(async () => {
    const script = document.createElement("script");
    script.textContent = await inflate("vega");
    document.head.append(script);
    return window.vegaEmbed;
  });

  // what if: one factor for every gram
  const field = (id) => (at(id) && at(id).value !== "" ? Number(at(id).value) : null);
  let factor = 1;
  const rescaled = (picture, units) => {
    const rows = { ...picture.rows };
    const [own] = units.find(([, name]) => name === picture.unit);
    const middle = [...rows.cost].sort((a, b) => a - b)[rows.cost.length >> 1] * own * factor;
    const [other, unit] = units.find(([size]) => middle >= size) || units.at(-1);
    const scale = (value) => (value * own * factor) / other;
    rows.cost_said = rows.cost.map((cost, i) =>
      (rows.cost_said[i].startsWith("~") ? "~" : "") + grams(cost * own * factor));
    for (const name of ["cost", "cost_low", "cost_high", "end_x"]) rows[name] = rows[name].map(scale);
    const x = { ...picture.x, domain: picture.x.domain.map(scale) };
    return { ...picture, rows, x: { ...x, title: picture.x.title.replace(picture.unit, unit) }, ticks: null };
  };

  // what a reader asks of each panel: {energy (J), score, out (names), measure}
  const asked = new Map();

  // charts: the specification without its data comes with the page
  const within = (value, [low, high]) => value !== null && value >= low && value <= high;
  const specification = (template, picture, asked) => {
    const spec = structuredClone(template);
    const { x, y } = spec.encoding;
    const names = Object.keys(picture.rows);
    const count = names.length ? picture.rows[names[0]].length : 0;
    spec.datasets.chance = picture.chance;
    for (const [axis, value] of Object.entries(asked.lines))
      spec.datasets[`limit_${axis}`] = within(value, picture[axis === "cost" ? "x" : "y"].domain) ? [{ [axis]: value }] : [];
    spec.data.values = Array.from({ length: count }, (_, i) =>
      Object.fromEntries(names.map((name) => [name, picture.rows[name][i]])));
    for (const row of spec.data.values) row.kept = asked.out.has(row.name) ? 0.15 : 1;
    const { title: across, ...scaleX } = picture.x;
    const { title: up, ...scaleY } = picture.y;
    x.scale = scaleX;
    y.scale = scaleY;
    x.axis.title = across;
    y.axis.title = up;
    if (picture.ticks) x.axis.values = picture.ticks;
    else Object.assign(x.axis, { tickCount: 5, labelOverlap: true });
    return spec;
  };
  const draw = async (figure) => {
    const [embed, page] = await Promise.all([vega(), payload()]);
    const [y, x] = ["y", "x"].map((axis) => figure.querySelector(`[data-axis=${axis}]`));
    const ask = asked.get(figure.dataset.panel);
    const pictures = page.panels[figure.dataset.panel][`${x.value} ${y.value}`];
    for (const [size, template] of Object.entries(page.charts)) {
      let picture = pictures[size];
      if (x.value === "carbon_g" && factor !== 1 && factor > 0) picture = rescaled(picture, page.units.carbon_g);
      const place = figure.querySelector(`.${size}`);
      const across = x.selectedOptions[0].text.split(" (")[0].toLowerCase();
      const titled = `${y.selectedOptions[0].text} against ${across}`;
      const points = picture.rows.name.map((name, i) =>
        `${name}: ${picture.rows.score_said[i]} for ${picture.rows.cost_said[i]}`);
      figure.querySelector("figcaption").textContent = titled;
      place.setAttribute("aria-label", `${titled}. ${points.join("; ")}.`);
      const joules = (page.units.energy_j.find(([, name]) => name === picture.unit) || [1])[0];
      const lines = {
        cost: ask && x.value === "energy_j" && ask.energy !== null ? ask.energy / joules : null,
        score: ask && y.value === ask.measure ? ask.score : null,
      };
      await embed(place, specification(template, picture, { lines, out: ask ? ask.out : new Set() }), {
        actions: false, ast: true, renderer: "svg", defaultStyle: false,
        tooltip: { disableDefaultStyle: true },
      });
      for (const part of all("[role], [aria-roledescription]", place)) // the place says it all
        for (const name of part.getAttributeNames())
          if (name === "role" || name.startsWith("aria-")) part.removeAttribute(name);
    }
    figure.dataset.drawn = "yes";
  };
  let queue = Promise.resolve();
  const wanted = new Set(); // one drawing is enough for all that changed before it began
  const redraw = (figure) => {
    wanted.add(figure);
    return (queue = queue.then(() => (wanted.delete(figure) ? draw(figure) : undefined)));
  };
  const figures = all("figure[data-panel]");
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      redraw(target);
    }
  });
  for (const figure of figures) {
    figure.querySelector(".controls").hidden = false;
    for (const choice of all("select", figure)) choice.addEventListener("change", () => redraw(figure));
    seen.observe(figure);
  }

  // a budget: what is left of the strategies, and the best of it, by their means
  for (const form of all("form.budget")) {
    const section = form.closest("section");
    const rows = all("tr[data-point]", section);
    const { joules, noun, measure } = form.dataset;
    const size = { energy: Number(joules), score: 1 };
    const said = section.querySelector(".left");
    const sliders = all("input[type=range]", form);
    const ends = (slider) => [Number(slider.dataset.low), Number(slider.dataset.high)];
    const rounded = (value, round) => { // to three digits, so that what stands at the end is left
      const step = 10 ** (Math.floor(Math.log10(value)) - 2);
      return String(Number((round(value / step) * step).toPrecision(3)));
    };
    const named = (row) => `${row.dataset.point} (${row.dataset.said})`;
    const most = (among, key) => among.reduce((best, row) => (key(row) > key(best) ? row : best));
    const update = () => {
      const [energy, score] = ["energy", "score"].map((name) => {
        const { value } = form.elements[name];
        return value === "" || !form.elements[name].checkValidity() ? null : Number(value) * size[name];
      });
      const slack = 1 + 1e-6;
      const fits = (row) => row.querySelector(".take").checked &&
        (energy === null || Number(row.dataset.energy ?? Infinity) <= energy * slack) &&
        (score === null || Number(row.dataset.score ?? -1) * slack >= score);
      const left = rows.filter(fits);
      for (const row of rows) row.classList.toggle("out", !left.includes(row));
      const costed = left.filter((row) => row.dataset.energy !== undefined && row.dataset.score !== undefined);
      const best = costed.length && most(costed, (row) => Number(row.dataset.score));
      const least = costed.length && most(costed, (row) => -Number(row.dataset.energy));
      said.hidden = left.length === rows.length;
      said.textContent = !costed.length ? "Nothing is left." :
        `${left.length} of ${rows.length} are left. ` + (best === least ?
          `Highest ${noun} and least energy: ${named(best)}.` :
          `Highest ${noun}: ${named(best)}; least energy: ${named(least)}.`);
      const out = new Set(rows.filter((row) => !left.includes(row)).map((row) => row.dataset.point));
      const own = all("figure[data-panel]", section);
      for (const figure of own) asked.set(figure.dataset.panel, { energy, score, out, measure });
      for (const figure of own) if (figure.dataset.drawn) redraw(figure);
    };
    for (const slider of sliders) {
      const number = form.elements[slider.dataset.for];
      const [low, high] = ends(slider);
      const spends = slider.dataset.for === "energy";
      const value = (share) => (spends ? low * (high / low) ** share : low + (high - low) * share) / size[slider.dataset.for];
      slider.addEventListener("input", () => {
        const share = Number(slider.value) / 100;
        number.value = share === (spends ? 1 : 0) ? "" : rounded(value(share), spends ? Math.ceil : Math.floor); // its end asks for nothing
        update();
      });
      number.addEventListener("input", () => {
        const asks = Number(number.value) * size[slider.dataset.for];
        const share = spends ? Math.log(asks / low) / Math.log(high / low) : (asks - low) / (high - low);
        slider.value = number.value === "" ? (spends ? 100 : 0) : 100 * share;
        update();
      });
    }
    for (const row of rows) {
      row.querySelector(".take").hidden = false;
      row.querySelector(".take").addEventListener("change", update);
    }
    form.addEventListener("reset", () => {
      for (const row of rows) row.querySelector(".take").checked = true;
      setTimeout(update);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
  }

  if (!at("whatif")) return;
  at("whatif").hidden = false;
  const price = (per, pue, joules) => {
    for (const cell of all(".money")) {
      cell.hidden = per === null;
      if (cell.dataset.j === undefined) continue;
      const cost = (Number(cell.dataset.j) / joules) * pue * per;
      cell.dataset.v = cost;
      cell.textContent = money.format(cost);
    }
  };
  const apply = async () => {
    const { grid, units } = await payload();
    const valid = ["intensity", "pue", "price"].every((id) => at(id).checkValidity());
    if (!valid) { // said aloud, and nothing recomputed
      const wrong = ["intensity", "pue", "price"].map(at).find((one) => !one.checkValidity());
      at("assumed").hidden = false;
      at("assumed").textContent = wrong === at("pue") ?
        "A PUE is 1 or more: no building gives its computers more than it takes. Nothing was recomputed." :
        "A number of 0 or more is needed here. Nothing was recomputed.";
      return;
    }
    const [intensity, pue, per] = ["intensity", "pue", "price"].map(field);
    const assumed = { intensity: intensity ?? grid.intensity, pue: pue ?? grid.pue };
    const before = factor;
    factor = (assumed.intensity * assumed.pue) / (grid.intensity * grid.pue);
    for (const span of all(".g")) {
      span.dataset.text ??= span.textContent; // as it was; what leads the number (~, ≥) stays
      const [, lead, per] = /^([~≥ ]*).*?(\/.*)?$/.exec(span.dataset.text);
      const fixed = Number(span.dataset.fixed);
      const value = fixed + (Number(span.dataset.g) - fixed) * factor;
      span.textContent = factor === 1 ? span.dataset.text : lead + grams(value) + (per || "");
      if (span.parentElement.dataset.v !== undefined) span.parentElement.dataset.v = value;
    }
    price(per, assumed.pue, units.joules_per_kwh);
    const place = at("country").selectedOptions[0];
    const named = place.value !== "" && Number(place.value) === assumed.intensity ? ` (${place.text})` : "";
    const changed = factor !== 1 || per !== null;
    document.body.classList.toggle("changed", factor !== 1);
    at("assumed").hidden = !changed;
    at("assumed").textContent = !changed ? "" :
      `What if: every gram on this page now assumes ${assumed.intensity} g CO2e per kWh${named} and PUE ` +
      `${assumed.pue}, not the run's ${grid.intensity} and ${grid.pue}` +
      (per === null ? "." : `; prices are energy × PUE × ${per} per kWh.`);
    if (before !== factor)
      for (const figure of figures) if (figure.dataset.drawn) await redraw(figure);
  };
  at("country").addEventListener("change", async () => {
    const { grid } = await payload();
    at("intensity").value = at("country").value || grid.intensity;
    apply();
  });
  for (const id of ["intensity", "pue", "price"]) at(id).addEventListener("input", apply);
  at("reset").addEventListener("click", async () => {
    const { grid } = await payload();
    at("country").value = at("price").value = "";
    at("intensity").value = grid.intensity;
    at("pue").value = grid.pue;
    apply();
  });
})();
