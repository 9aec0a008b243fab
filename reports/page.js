// The script of the page: one cursor of time through all plots with their figures, zoom, and the rack played back. It needs nothing but
// the page, and the page does not need it.
"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const svgNS = "http://www.w3.org/2000/svg";
  const wholePlay = 30; // seconds of real time in which a whole run is played
  let from = 0, to = run.end; // what the plots show
  let now = 0; // where the cursor is

  const element = (name, className, text) => {
    const e = document.createElement(name);
    e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const drawn = (name, attributes, text) => {
    const e = document.createElementNS(svgNS, name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const standing = (list) => list.filter((x) => x.from <= now && now <= Math.max(x.to, x.from + 1));
  const stands = (x) => x.from <= now && (now < x.to || x.to >= run.end); // what lasts until the end does so at the end, too
  const within = (list) => list.findLast(stands);
  const second = () => Math.min(Math.floor(now), run.seconds.length - 1);
  // A time of a long run as minutes and seconds, with tenths where what is shown is short.
  const minutes = (t, digits) => {
    const whole = digits ? Math.round(t * 10) / 10 : Math.floor(t);
    return [Math.floor(whole / 60), (whole % 60).toFixed(digits)];
  };
  const clock = (t) => {
    if (run.end <= 600) return `${t.toFixed(1)} s`;
    const [m, s] = minutes(t, to - from < 60 ? 1 : 0);
    return `${m} min ${s} s`;
  };

  // What each plot's figures are at the cursor.
  const took = (us) => (us >= 1e6 ? `${(us / 1e6).toFixed(2)} s` : us >= 1000 ? `${(us / 1000).toFixed(1)} ms` : `${us} µs`);
  const ofBoards = (name, per, digits) => run.machines.filter((m) => m.board && second() < m.board[name].length)
    .map((m) => `${m.name} ${(m.board[name][second()] / per).toFixed(digits)}`).join(" · ");
  const few = (list, say) => list.slice(0, 6).map(say).join(", ") + (list.length > 6 ? ` and ${list.length - 6} more` : "") || "none";
  const figures = {
    operations: () => { const s = run.seconds[second()]; return s ? `${s[0]} ok, ${s[1]} failed, ${s[2]} unknown` : ""; },
    latency: () => { const s = run.seconds[second()]; return s && s[0] ? `median ${took(s[3])}, 99 of 100 ${took(s[4])}, slowest ${took(s[5])}` : "nothing succeeded"; },
    temperature: () => ofBoards("temperature", 1000, 1),
    clock: () => ofBoards("clock", 1, 0),
    power: () => ofBoards("power", 1000, 2),
    voltage: () => ofBoards("voltage", 1000, 2),
    faults: () => few(standing(run.faults), (f) => `${f.kind} ${f.target}`),
    alerts: () => few(standing(run.alerts), (a) => `${a.name} ${a.target}`),
    machines: () => few(run.machines.filter((m) => within(m.states) || within(m.leads)), (m) => [m.name, stateOf(m), leads(m)].filter(Boolean).join(" ")),
  };
  const stateOf = (m) => (within(m.states) || { kind: "" }).kind;
  const leads = (m) => m.leads.filter(stands).map((l) => `leads ${l.group}, term ${l.term}`).join("; ");

  // Plots: a cursor, a line of figures, and an axis that fits what is shown.
  const plots = [...document.querySelectorAll("svg[data-plot]")].map((svg) => {
    const height = svg.querySelector(".time").height.baseVal.value;
    const cursor = svg.appendChild(drawn("line", { class: "cursor", y1: 0, y2: height }));
    const shade = svg.appendChild(drawn("rect", { class: "shade", y: 0, height, width: 0 }));
    const readout = element("p", "readout", " ");
    svg.closest(".plot").before(readout);
    return { svg, height, cursor, shade, readout, moving: svg.querySelector(".time g"), axis: svg.querySelector(".axis"), figures: figures[svg.dataset.plot] };
  });
  const xOf = (t) => run.left + ((t - from) / (to - from)) * (run.right - run.left);
  const timeAt = (p, event) => {
    const box = p.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * p.svg.viewBox.baseVal.width;
    return clamp(from + ((x - run.left) / (run.right - run.left)) * (to - from), from, to);
  };

  const drawAxis = (p) => {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 86400];
    const step = steps.find((s) => (to - from) / s <= 10) || 604800;
    const digits = step < 1 ? 1 : 0;
    const parts = [];
    for (let n = Math.ceil(from / step); n * step <= to + 1e-9; n++) {
      const t = n * step, x = xOf(t);
      const [m, s] = minutes(t, digits);
      const name = run.end <= 600 ? `${+t.toFixed(1)}s` : `${m}:${s.padStart(digits ? 4 : 2, "0")}`;
      parts.push(drawn("line", { class: "grid", x1: x, x2: x, y1: p.height, y2: p.height + 4 }));
      parts.push(drawn("text", { x, y: p.height + 16, "text-anchor": x > run.right - 9 ? "end" : "middle" }, name));
    }
    if (run.healed > from && run.healed < Math.min(to, run.end)) {
      const x = xOf(run.healed);
      parts.push(drawn("line", { class: "healed", x1: x, x2: x, y1: 0, y2: p.height }));
      const edge = x > run.right - 60; // where it would be cut off
      parts.push(drawn("text", { x: edge ? x - 5 : x + 5, y: 10, "text-anchor": edge ? "end" : "start" }, "all healed"));
    }
    p.axis.replaceChildren(...parts);
  };
  const zoom = (begin, end) => {
    const least = Math.min(run.end, 1);
    if (end - begin < least) [begin, end] = [(begin + end - least) / 2, (begin + end + least) / 2];
    const width = Math.min(end - begin, run.end);
    from = clamp(begin, 0, run.end - width);
    to = from + width;
    const k = run.end / width;
    const shift = run.left - k * (run.left + (from / run.end) * (run.right - run.left));
    for (const p of plots) {
      p.moving.setAttribute("transform", `matrix(${k} 0 0 1 ${shift} 0)`);
      drawAxis(p);
    }
    show(now);
  };
  const show = (t) => {
    now = clamp(t, 0, run.end);
    for (const p of plots) {
      const x = xOf(now);
      const inside = now >= from && now <= to;
      p.cursor.setAttribute("visibility", inside ? "visible" : "hidden");
      p.cursor.setAttribute("x1", x);
      p.cursor.setAttribute("x2", x);
      p.readout.textContent = `${clock(now)}: ${p.figures()}`;
    }
    showRack();
  };
  for (const p of plots) {
    let pressed = null;
    p.svg.addEventListener("pointermove", (e) => {
      const t = timeAt(p, e);
      if (pressed !== null) {
        p.shade.setAttribute("x", Math.min(xOf(pressed), xOf(t)));
        p.shade.setAttribute("width", Math.abs(xOf(t) - xOf(pressed)));
      }
      stop();
      show(t);
    });
    p.svg.addEventListener("pointerdown", (e) => {
      if (e.pointerType === "touch") return show(timeAt(p, e)); // a finger that moves scrolls
      if (e.button !== 0) return; // whose release the page may never hear of
      pressed = timeAt(p, e);
      p.svg.setPointerCapture(e.pointerId);
      e.preventDefault();
    });
    p.svg.addEventListener("pointerup", (e) => {
      const began = pressed, t = timeAt(p, e);
      pressed = null;
      p.shade.setAttribute("width", 0);
      if (began !== null && Math.abs(t - began) > (to - from) / 100) zoom(Math.min(t, began), Math.max(t, began));
    });
    p.svg.addEventListener("pointercancel", () => { pressed = null; p.shade.setAttribute("width", 0); });
    p.svg.addEventListener("dblclick", () => zoom(0, run.end));
  }

  // The rack: a shelf for each switch, on it its machines, as they were at the cursor.
  const rack = document.getElementById("rack");
  const tiles = [];
  const time = element("output", "time");
  const slider = Object.assign(element("input", ""), { type: "range", min: 0, max: run.end, step: 0.1, value: 0 });
  slider.setAttribute("aria-label", "time of the run");
  const button = (text, act) => {
    const b = element("button", "", text);
    b.type = "button";
    b.addEventListener("click", act);
    return b;
  };
  const traffic = element("div", "traffic");
  const counts = ["ok", "unknown", "failed", "rest"].map((name) => traffic.appendChild(element("span", name)));
  const busiest = Math.max(1, ...run.seconds.map((s) => s[0] + s[1] + s[2]));
  const happening = element("p", "soft");

  const buildRack = () => {
    const controls = element("div", "controls");
    const around = (factor) => { const half = ((to - from) * factor) / 2; zoom(now - half, now + half); };
    controls.append(play, slider, time, button("Closer", () => around(0.5)), button("Wider", () => around(2)), button("Whole run", () => zoom(0, run.end)));
    const shelves = element("div", "shelves");
    for (const name of [...new Set(run.machines.map((m) => m.shelf))]) {
      const shelf = shelves.appendChild(element("div", "shelf"));
      shelf.append(element("h3", "", name));
      const board = shelf.appendChild(element("div", "tiles"));
      for (const machine of run.machines.filter((m) => m.shelf === name)) {
        const tile = board.appendChild(element("div", "tile"));
        tile.append(element("b", "", machine.name), element("span", "soft", ` ${machine.role}`));
        tiles.push({ machine, tile, state: tile.appendChild(element("div", "state")), heat: tile.appendChild(element("div", "heat")), fault: tile.appendChild(element("div", "fault")) });
      }
    }
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    rack.querySelector(".stage").append(controls, traffic, happening, shelves);
    rack.hidden = false;
  };
  const showRack = () => {
    slider.value = now;
    time.textContent = clock(now);
    const s = run.seconds[second()] || [0, 0, 0];
    [s[0], s[2], s[1], busiest - s[0] - s[1] - s[2]].forEach((n, i) => { counts[i].style.flexGrow = n; });
    traffic.title = figures.operations();
    const faults = standing(run.faults);
    happening.textContent = `${figures.operations()}. Faults: ${figures.faults()}. Alerts: ${figures.alerts()}.`;
    for (const t of tiles) {
      const state = stateOf(t.machine);
      const on = faults.filter((f) => f.on.includes(t.machine.name));
      t.tile.className = `tile ${state || "up"}${on.length ? " struck" : ""}`;
      t.state.textContent = [state || "up", leads(t.machine)].filter(Boolean).join(", ");
      t.fault.textContent = few(on, (f) => f.kind).replace("none", "");
      const celsius = t.machine.board && t.machine.board.temperature[second()] / 1000;
      t.heat.textContent = celsius ? `${celsius.toFixed(1)} °C` : "";
      if (celsius) t.tile.style.setProperty("--heat", `${clamp(((celsius - 25) / 60) * 100, 0, 100).toFixed(0)}%`);
    }
  };

  let playing = 0, last = 0;
  const stop = () => { cancelAnimationFrame(playing); playing = 0; play.textContent = "Play"; };
  const step = (at) => {
    show(now + ((at - last) / 1000) * (run.end / wholePlay));
    last = at;
    if (now >= run.end) return stop();
    playing = requestAnimationFrame(step);
  };
  const play = button("Play", () => {
    if (playing) return stop();
    if (now >= run.end) now = 0;
    last = performance.now();
    play.textContent = "Pause";
    playing = requestAnimationFrame(step);
  });

  document.documentElement.classList.add("live");
  buildRack();
  zoom(0, run.end);
})();
