// The operator page's quiet corner: models that are left alone, budgets that have reached a limit. Nothing else.
import { make } from "./rich.js";

const EVERY = 10000;
const SCOPES = { tenant: "The whole bot", customer: "Customer", channel: "Channel", feature: "Calls for", upgrades: "Stronger answers of" };
const LIMITS = { soft: "past its soft limit: one tier cheaper answers", hard: "nothing is left: only models that cost nothing answer" };

const at = (id) => document.getElementById(id);
let seen = "";

function away(model, close) {
  const [state, meaning] = [model.state, model.words.slice(model.state.length + 2)];
  const button = make("button", "plain-button", "Call it again");
  button.type = "button";
  button.dataset.model = model.model;
  button.setAttribute("aria-label", `Call ${model.model} again`);
  button.addEventListener("click", () => close(model.model, button));
  const item = make("li", "away", make("span", "name", model.model), make("span", "holder waiting", state));
  item.append(make("span", "note-line", [model.reason, meaning].filter(Boolean).join("; ")), button);
  return item;
}

function spent(budget, account) {
  const whose = budget.scope === "tenant" ? "" : ` ${account.name}`;
  const limit = budget[account.reached];
  const item = make("li", "away", make("span", "name", `${SCOPES[budget.scope] || budget.scope}${whose}`), make("span", "holder waiting", account.reached));
  const means = budget.scope === "upgrades" ? "the tier every message starts with answers" : LIMITS[account.reached];
  item.append(make("span", "note-line", `${account.spent} of ${limit} ${budget.unit} in ${budget.period.split("/")[1]}; ${means}`));
  return item;
}

// Only what changed is replaced, so that the focus survives.
function show(breakers, budgets, close) {
  const models = breakers.breakers.filter((one) => one.state !== "closed");
  const reached = budgets.flatMap((budget) => budget.accounts.filter((one) => one.reached).map((one) => [budget, one]));
  const now = JSON.stringify([models.map((one) => [one.model, one.state, one.reason]), reached]);
  if (now === seen) return;
  seen = now;
  const focused = document.activeElement?.dataset?.model;
  at("away").replaceChildren(...models.map((one) => away(one, close)), ...reached.map(([budget, one]) => spent(budget, one)));
  at("well").hidden = models.length + reached.length > 0;
  if (focused) at("away").querySelector(`[data-model="${CSS.escape(focused)}"]`)?.focus();
}

export function watchModels(ask) {
  async function look() {
    const breakers = await ask("breakers");
    const budgets = breakers && (await ask("budgets"));
    at("models").hidden = !breakers;
    if (breakers) show(breakers, budgets?.budgets || [], close);
  }

  async function close(model, button) {
    button.disabled = true;
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ model }), signal: AbortSignal.timeout(20000) };
    const answer = await fetch("/operator/api/breakers/close", options).catch(() => null);
    const said = await answer?.json().catch(() => null);
    at("models-status").textContent = said?.done || said?.problem || "No answer from the server. Try again.";
    button.disabled = false;
    await look();
  }

  async function poll() {
    if (!document.hidden) await look();
    setTimeout(poll, EVERY);
  }

  poll();
}
