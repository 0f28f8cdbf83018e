// The operator page: asks every two seconds what there is, shows it, and sends what the operator does.
import { watchModels } from "./models.js";
import { bubble, make } from "./rich.js";
import { openWhy, prepareDrawer } from "./why.js";
import { time, translate, word } from "./words.js";

const EVERY = 2000;
const HOLDERS = { bot: "bot", waiting: "waiting", person: "with a person", "opted out": "wants no messages" };

const at = (id) => document.getElementById(id);
const [list, log, scroll, text, drawer, room] = ["list", "log", "scroll", "text", "drawer", "room"].map(at);
let chosen = new URLSearchParams(location.hash.slice(1)).get("chat") || "";
let conversations = [];
let seen = "";

async function ask(path) {
  const answer = await fetch(`/operator/api/${path}`, { cache: "no-store", signal: AbortSignal.timeout(10000) }).catch(() => null);
  if (answer?.status === 401) location.reload(); // the session ended: the server shows the login
  at("connection").dataset.state = answer?.ok ? "online" : "offline";
  at("connection").firstElementChild.textContent = word(answer?.ok ? "online" : "offline");
  return answer?.ok ? answer.json() : null;
}

async function act(action, said) {
  const body = JSON.stringify({ address: chosen, ...said });
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: AbortSignal.timeout(20000) };
  const answer = await fetch(`/operator/api/${action}`, options).catch(() => null);
  const problem = answer?.ok ? "" : (await answer?.json().catch(() => null))?.problem || "No answer from the server. Try again.";
  at("status").textContent = problem;
  await refresh();
  return !problem;
}

function minutes(since) {
  const past = Math.max(0, Math.floor((Date.now() - new Date(since)) / 60000));
  return past < 1 ? "waiting now" : past < 120 ? `waiting ${past} min` : `waiting ${Math.floor(past / 60)} h`;
}

function row(summary) {
  const holder = summary.holder === "waiting" && summary.waiting_since ? minutes(summary.waiting_since) : HOLDERS[summary.holder];
  const button = make("button", "row", make("span", "name", summary.customer || summary.address), make("time", "", time(summary.last_at)));
  button.append(make("span", "last", summary.last_text), make("span", `holder ${summary.holder}`, holder));
  button.type = "button";
  button.dataset.address = summary.address;
  button.setAttribute("aria-current", String(summary.address === chosen));
  button.addEventListener("click", () => choose(summary.address));
  return make("li", "", button);
}

// Only what changed is replaced, so that the focus and a screen reader's place survive.
function showList() {
  const now = JSON.stringify([conversations, chosen, Math.floor(Date.now() / 60000)]);
  if (now === seen) return;
  seen = now;
  const focused = document.activeElement?.dataset?.address;
  list.replaceChildren(...conversations.map(row));
  at("none").hidden = conversations.length > 0;
  if (focused) list.querySelector(`[data-address="${CSS.escape(focused)}"]`)?.focus();
}

function attachment(turn, one) {
  const name = one.note ? `${one.kind}: ${one.note}` : one.kind;
  if (!one.fetched) return make("p", "attachment", name);
  const link = make("a", "", name);
  link.href = `/operator/api/file?${new URLSearchParams({ address: chosen, message: turn.id, number: one.number })}`;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return make("p", "attachment", link);
}

function itemOf(turn) {
  const item = bubble(turn);
  item.querySelector(".bubble").append(...(turn.attachments || []).map((one) => attachment(turn, one)));
  if (turn.author === "customer") item.querySelector(".name").textContent = at("customer").textContent;
  if (!turn.answers) return item;
  const button = make("button", "why", word("why"));
  button.type = "button";
  button.addEventListener("click", () => openWhy(drawer, turn.answers, chosen));
  item.querySelector(".meta").append(button);
  return item;
}

function showRoom(transcript) {
  const summary = conversations.find((one) => one.address === chosen);
  at("customer").textContent = summary?.customer || chosen;
  at("place").textContent = [chosen.split(":", 1)[0], HOLDERS[transcript.holder], transcript.limits].filter(Boolean).join(" · ");
  at("reason").textContent = summary?.reason || "";
  at("reason").hidden = !summary?.reason || transcript.holder === "bot";
  at("take").hidden = ["person", "opted out"].includes(transcript.holder);
  at("back").hidden = ["bot", "opted out"].includes(transcript.holder);
  const items = [...log.children];
  let same = 0;
  while (same < items.length && items[same].dataset.key === `${transcript.turns[same]?.author}\n${transcript.turns[same]?.text}`) same += 1;
  const follow = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 96;
  for (const item of items.slice(same)) item.remove();
  log.append(...transcript.turns.slice(same).map(itemOf));
  if (follow && same < transcript.turns.length) scroll.scrollTop = scroll.scrollHeight;
}

async function refresh() {
  const listed = await ask("conversations");
  if (listed) conversations = listed.conversations;
  showList();
  const address = chosen;
  const transcript = address && (await ask(`transcript?address=${encodeURIComponent(address)}`));
  if (transcript && address === chosen) showRoom(transcript);
}

async function choose(address) {
  chosen = address;
  location.hash = address ? `chat=${encodeURIComponent(address)}` : "";
  room.hidden = !address;
  at("choose").hidden = Boolean(address);
  document.body.classList.toggle("open", Boolean(address));
  log.replaceChildren();
  at("status").textContent = "";
  await refresh();
  scroll.scrollTop = scroll.scrollHeight;
  if (address) text.focus();
}

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (!words || at("send").disabled) return;
  at("send").disabled = true;
  if (await act("reply", { text: words })) text.value = "";
  at("send").disabled = false;
  fit();
  text.focus();
});
text.addEventListener("input", fit);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at("form").requestSubmit();
  }
});
at("take").addEventListener("click", async () => {
  await act("take", {});
  text.focus();
});
at("back").addEventListener("click", () => at("note").showModal());
at("note").addEventListener("close", () => {
  if (at("note").returnValue === "back") act("back", { note: at("note-text").value.trim() });
  at("note").returnValue = "";
  at("note-text").value = "";
});
at("list-again").addEventListener("click", () => choose(""));

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, EVERY);
}

translate();
prepareDrawer(drawer);
if (chosen) choose(chosen);
poll();
watchModels(ask);
