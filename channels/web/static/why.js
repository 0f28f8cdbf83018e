// The drawer "why this answer": tier, rules, readings, cost and time of one answer.
import { make } from "./rich.js";
import { word } from "./words.js";

const MILLISECONDS = new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 0 });

function fact(name, value, className = "") {
  return make("div", "fact", make("dt", "", word(name)), make("dd", className, value));
}

function milliseconds(value) {
  return value === null ? "–" : `${MILLISECONDS.format(value)} ms`;
}

function shown(value) {
  if (value === null) return word("nothing");
  if (typeof value === "boolean") return word(value ? "yes" : "no");
  return typeof value === "number" ? String(Math.round(value * 1000) / 1000) : value;
}

function ruleCard(rule) {
  const head = make("p", "rule-name", rule.name);
  if (rule.held) head.append(" ", make("span", "tag", word("held")));
  const card = make("li", "rule", head);
  if (rule.why) card.append(make("p", "rule-why", rule.why));
  if (rule.without) card.append(make("p", "rule-without", `${word("without")}: `, make("span", `tier ${rule.without}`, rule.without)));
  return card;
}

function readingRow(reading) {
  const name = make("th", "", reading.name);
  name.scope = "row";
  const value = reading.failed ? word("failed") : shown(reading.value);
  const row = make("tr", reading.value === null || reading.value === false ? "quiet" : "", name, make("td", "", value));
  row.append(make("td", "number", reading.score === null ? "" : reading.score.toFixed(2)), make("td", "", reading.note));
  return row;
}

function readingsTable(readings) {
  const head = make("tr");
  for (const name of ["signal", "value", "score", "note"]) {
    const cell = make("th", "", word(name));
    cell.scope = "col";
    head.append(cell);
  }
  return make("table", "readings", make("thead", "", head), make("tbody", "", ...readings.map(readingRow)));
}

export function receipt(why) {
  const cost = ["free", "unknown"].includes(why.cost) ? word(why.cost) : why.cost;
  const facts = make("dl", "facts", fact("answeredBy", make("span", `tier ${why.tier}`, why.tier)), fact("cost", cost));
  facts.append(fact("firstText", milliseconds(why.first_text)), fact("total", milliseconds(why.total)));
  const parts = [facts, make("h3", "", word("rules"))];
  if (why.rules.length) parts.push(make("ul", "rules", ...why.rules.map(ruleCard)));
  else parts.push(make("p", "quiet", word("noRules")));
  if (why.readings.length) parts.push(make("h3", "", word("readings")), readingsTable(why.readings));
  if (why.book) parts.push(make("p", "book", `${word("book")} ${why.book}`));
  return parts;
}

export async function openWhy(drawer, message, address = "") {
  const query = address ? `?address=${encodeURIComponent(address)}` : "";
  const answer = await fetch(`/why/${encodeURIComponent(message)}${query}`, { cache: "no-store" }).catch(() => null);
  const content = answer?.ok ? receipt(await answer.json()) : [make("p", "quiet", word("noReceipt"))];
  drawer.querySelector(".drawer-body").replaceChildren(...content);
  drawer.showModal();
}

export function prepareDrawer(drawer) {
  drawer.querySelector(".close").addEventListener("click", () => drawer.close());
  drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
}

export async function mayAskWhy() {
  const answer = await fetch("/why?ping", { cache: "no-store" }).catch(() => null);
  return Boolean(answer?.ok && (await answer.json()).allowed);
}
