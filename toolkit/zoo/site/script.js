"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.body.classList.remove("no-script");
  const cards = all("article"), rows = all("#score-rows > tr"), nodes = new Map(all(".node[id]").map((n) => [n.id.slice(2), n]));
  const form = document.querySelector("form"), status = document.querySelector("#found");
  const listed = all(".names li"), elsewhere = document.querySelector("#elsewhere a");

  // -- finding and sorting --------------------------------------------------------------------------------------------
  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (card, key, value) => !value || JSON.parse(card.dataset[key]).includes(value);
  const fits = (card, asked) =>
    words(asked.search).every((word) => card.dataset.text.includes(word)) &&
    has(card, "tasks", asked.task) && has(card, "languages", asked.language) && (!asked.backbone || card.dataset.backbone === asked.backbone);
  const orders = {
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    score: (a, b) => Number(b.dataset.score) - Number(a.dataset.score),
    size: (a, b) => Number(b.dataset.size) - Number(a.dataset.size),
    created: (a, b) => b.dataset.created.localeCompare(a.dataset.created),
  };
  const said = (shown, total) => { status.textContent = shown === total ? `All ${total} adapters` : `${shown} of ${total} adapters`; };
  function findNames() {
    const asked = words(form.elements.search.value);
    listed.forEach((item) => { item.hidden = !asked.every((word) => item.dataset.text.includes(word)); });
    all("main section").forEach((section) => { section.hidden = !section.querySelector("li:not([hidden])"); });
    said(listed.filter((item) => !item.hidden).length, listed.length);
  }
  function find() {
    if (listed.length) { findNames(); return; }
    const asked = Object.fromEntries(new FormData(form));
    const shown = new Set(cards.filter((card) => fits(card, asked)).map((card) => card.id));
    const order = orders[asked.sort] || orders.name, list = document.querySelector(".cards");
    [...cards].sort(order).forEach((card) => list.append(card.parentElement));
    cards.forEach((card) => { card.parentElement.hidden = !shown.has(card.id); });
    rows.forEach((row) => { row.hidden = !shown.has(row.dataset.card); });
    nodes.forEach((node, key) => node.classList.toggle("is-out", !shown.has(key)));
    if (shown.size < cards.length) all(".graph-scroll").forEach((box) => {
      const first = all("a.node:not(.is-out) rect", box)[0];  // bring what was found into the drawing's window
      if (first) box.scrollTo(first.x.baseVal.value - 20, first.y.baseVal.value - 20);
    });
    said(shown.size, cards.length);
    if (elsewhere) {  // a page holds its own adapters; the page of names searches all
      elsewhere.parentElement.hidden = !words(asked.search).length;
      elsewhere.hash = `search=${encodeURIComponent(asked.search)}`;
    }
  }
  if (form) {
    try { if (location.hash.startsWith("#search=")) form.elements.search.value = decodeURIComponent(location.hash.slice(8)); } catch {}
    form.addEventListener("input", find);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (elsewhere && !elsewhere.parentElement.hidden) elsewhere.click();
    });
    form.addEventListener("reset", () => setTimeout(find));
    find();
  }

  // -- the table of scores ----------------------------------------------------------------------------------------------
  all("#scores-table th button").forEach((button) => button.addEventListener("click", () => {
    const head = button.parentElement, column = head.cellIndex, isUp = head.getAttribute("aria-sort") !== "ascending";
    const isNumber = head.classList.contains("number");
    all("#scores-table th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.value || row.cells[column].textContent;
    rows.sort((a, b) => (isUp ? 1 : -1) * (isNumber ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b))));
    rows.forEach((row) => row.parentElement.append(row));
  }));

  // -- following the lineage ---------------------------------------------------------------------------------------------
  const parentsOf = (key) => (nodes.get(key)?.dataset.parents || "").split(" ").filter((one) => nodes.has(one));
  const childrenOf = (key) => [...nodes.keys()].filter((one) => parentsOf(one).includes(key));
  function reach(key, step) {
    const found = new Set(), waiting = [key];
    while (waiting.length) for (const next of step(waiting.pop())) if (!found.has(next)) { found.add(next); waiting.push(next); }
    return found;
  }
  function follow(key) {
    const line = new Set([key, ...reach(key, parentsOf), ...reach(key, childrenOf)]);
    const here = nodes.get(key)?.closest("svg");
    all(".graph-scroll .graph").forEach((graph) => graph.classList.toggle("is-following", graph === here));
    nodes.forEach((node, one) => {
      node.classList.toggle("is-line", line.has(one) && node.closest("svg") === here);
      node.classList.toggle("is-chosen", one === key);
    });
    const up = new Set([key, ...reach(key, parentsOf)]), down = new Set([key, ...reach(key, childrenOf)]);
    all(".edges path").forEach((path) => {
      const { from, to } = path.dataset;
      path.classList.toggle("is-line", (up.has(from) && up.has(to)) || (down.has(from) && down.has(to)));
    });
  }
  const rest = () => {
    const key = location.hash.slice(1).replace(/^n-/, "");
    nodes.has(key) ? follow(key) : all(".graph-scroll :is(.is-following, .is-line, .is-chosen)").forEach((one) => one.classList.remove("is-following", "is-line", "is-chosen"));
  };
  const left = (node) => node.querySelector("rect").x.baseVal.value, top = (node) => node.querySelector("rect").y.baseVal.value;
  // One stop for Tab in each drawing; the arrows go on from there.
  const stop = (node) => { all("a.node", node.closest("svg")).forEach((one) => one.setAttribute("tabindex", one === node ? "0" : "-1")); };
  all(".graph-scroll .graph").forEach((graph) => { const first = graph.querySelector("a.node"); if (first) stop(first); });
  nodes.forEach((node, key) => {
    if (!node.matches("a")) return;
    node.addEventListener("focus", () => { stop(node); follow(key); });
    node.addEventListener("blur", rest);
    node.addEventListener("mouseenter", () => follow(key));
    node.addEventListener("mouseleave", () => (document.activeElement?.id.startsWith("n-") ? follow(document.activeElement.id.slice(2)) : rest()));
    node.addEventListener("keydown", (event) => {
      const column = () => [...nodes].filter(([, one]) => one.matches("a") && one.closest("svg") === node.closest("svg") && Math.abs(left(one) - left(node)) < 1)
        .sort((a, b) => top(a[1]) - top(b[1])).map(([one]) => one);
      const held = (keys) => keys.find((one) => nodes.get(one).matches("a"));
      const steps = { ArrowLeft: () => held(parentsOf(key)), ArrowRight: () => held(childrenOf(key)),
        ArrowUp: () => column()[column().indexOf(key) - 1], ArrowDown: () => column()[column().indexOf(key) + 1] };
      if (!steps[event.key]) return;
      event.preventDefault();
      const next = nodes.get(steps[event.key]());
      if (next) { next.focus(); next.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    });
  });

  // -- going to a card, or from a card to its place in the graph ----------------------------------------------------------
  function arrive() {
    const target = document.getElementById(location.hash.slice(1));
    rest();
    if (!target) return;
    if (target.matches(".node")) { target.focus(); target.scrollIntoView({ block: "center", inline: "center" }); return; }
    if (!target.matches("article")) return;
    if (target.parentElement.hidden) { form.reset(); find(); }
    target.querySelector(":scope > details").open = true;
    target.querySelector("h3").focus({ preventScroll: true });
    target.scrollIntoView({ block: "start" });
  }
  addEventListener("hashchange", arrive);
  // The same link twice changes no hash, and must still lead there.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && (link.getAttribute("href")) === location.hash) setTimeout(arrive);
  });
  arrive();
})();
