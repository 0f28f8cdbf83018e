// The chat page: events from the server become messages, what is typed becomes a POST. No other state than the page's.
import { Echo } from "./echo.js";
import { Outbox } from "./outbox.js";
import { bubble, make, preview } from "./rich.js";
import { mayAskWhy, openWhy, prepareDrawer } from "./why.js";
import { language, translate, word } from "./words.js";

const RECONNECT = 2000;
const QUIET = 4200;
const PATIENCE = 60000;
const NEAR = 96;

const at = (id) => document.getElementById(id);
const [log, later, live, scroll, form, text, drawer] = ["log", "later", "live", "scroll", "form", "text", "drawer"].map(at);
const liveBubble = live.querySelector(".bubble");
let written = "";
let mayAsk = false;
let source = null;
let begun = false;
let patience = 0;

const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;

function keepEnd(doing, always = false) {
  const follow = always || atEnd();
  doing();
  if (follow) scroll.scrollTop = scroll.scrollHeight;
  at("newer").hidden = follow || atEnd();
}

function say(state, holder = "bot") {
  clearTimeout(patience);
  const unanswered = state === "heard" || (state === "idle" && log.lastElementChild?.matches(".customer"));
  const withPerson = unanswered && holder !== "bot";
  const busy = state === "writing" || (state === "heard" && !withPerson);
  at("status").textContent = withPerson ? word("withPerson") : state === "idle" ? "" : word(state);
  at("stop").hidden = !busy;
  if (busy) patience = setTimeout(() => say("idle"), PATIENCE);
  if (!busy) written = "";
  keepEnd(() => showLive(busy));
}

function showLive(busy) {
  live.hidden = !busy;
  live.classList.toggle("dots", !written);
  if (written) liveBubble.textContent = preview(written);
  else liveBubble.replaceChildren(make("span"), make("span"), make("span"));
}

function write(whole) {
  written = whole;
  clearTimeout(patience);
  patience = setTimeout(() => say("idle"), PATIENCE);
  keepEnd(() => showLive(true));
}

function find(id) {
  return id ? document.querySelector(`.turn[data-id="${CSS.escape(id)}"]`) : null;
}

function offerWhy(item) {
  if (!mayAsk || !item.dataset.answers || item.querySelector(".why")) return;
  const button = make("button", "why", word("why"));
  button.type = "button";
  button.addEventListener("click", () => openWhy(drawer, item.dataset.answers));
  item.querySelector(".meta").append(button);
}

function itemOf(turn) {
  const item = bubble(turn);
  if (turn.answers && turn.author !== "person") item.dataset.answers = turn.answers;
  offerWhy(item);
  return item;
}

function show(turn, always = false) {
  const known = find(turn.id);
  if (known) return mark(known, "sent");
  at("welcome").hidden = at("chips").hidden = true;
  keepEnd(() => (turn.author === "customer" && written ? later : log).append(itemOf(turn)), always);
}

function finish(turn) {
  written = "";
  keepEnd(() => {
    showLive(false);
    at("stop").hidden = true;
    at("status").textContent = "";
    log.append(itemOf(turn), ...later.children);
  });
  at("welcome").hidden = at("chips").hidden = true;
}

// The settled history replaces what differs from it; what is the same stays, so that nothing is read out twice.
function rebuild({ turns, suggestions }) {
  at("messages").setAttribute("aria-live", "off");
  log.append(...later.children);
  const items = [...log.children];
  let same = 0;
  const keyOf = (turn) => `${turn.author}\n${turn.text}`;
  while (same < turns.length && items[same]?.dataset.key === keyOf(turns[same])) same += 1;
  for (const item of items.slice(same)) item.remove();
  for (const item of items.slice(0, same)) mark(item, "sent");
  for (const { id } of turns) echo.saw(id);
  log.append(...turns.slice(same).map(itemOf));
  written = "";
  say("idle");
  for (const entry of outbox.entries) if (!find(entry.id)) log.append(pending(entry));
  at("welcome").hidden = log.children.length > 0;
  offerChips(log.children.length ? [] : suggestions[language] || suggestions[""] || []);
  scroll.scrollTop = scroll.scrollHeight;
  requestAnimationFrame(() => at("messages").removeAttribute("aria-live"));
}

function offerChips(texts) {
  at("chips").hidden = !texts.length;
  at("chips").replaceChildren(...texts.slice(0, 6).map((suggestion) => {
    const button = make("button", "", suggestion);
    button.type = "button";
    button.addEventListener("click", () => send(suggestion));
    return make("li", "", button);
  }));
}

const EVENTS = {
  history: rebuild,
  status: ({ state, holder }) => say(state, holder),
  delta: (event) => write(written + event.text),
  replace: (event) => write(event.text),
  final: finish,
  message: (turn) => (echo.saw(turn.id), turn.author === "customer" ? show(turn) : finish(turn)),
  closed: () => disconnect("elsewhere"),
};

function connection(state) {
  at("connection").dataset.state = state;
  at("connection").firstElementChild.textContent = word(state);
}

function disconnect(state) {
  source?.close();
  source = null;
  connection(state);
}

// A newcomer's page has nothing to hear yet: its stream is opened by the first letter typed, or a little later.
async function begin() {
  const past = await fetch("/chat/history").then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  if (!past || past.turns.length || outbox.entries.length) return connect();
  rebuild(past);
  connection("online");
  setTimeout(connect, QUIET);
}

const reconnect = () => begun && connect();

function connect() {
  begun = true;
  if (source) return;
  source = new EventSource("/chat/events");
  source.addEventListener("open", () => {
    connection("online");
    outbox.flush();
  });
  source.addEventListener("error", () => {
    connection("offline");
    if (source?.readyState !== EventSource.CLOSED) return;
    disconnect("offline"); // refused with a status: browsers do not try such a stream again by themselves
    setTimeout(connect, RECONNECT);
  });
  for (const [name, handle] of Object.entries(EVENTS)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
}

function mark(item, state, problem = "") {
  item.classList.remove("sending", "waiting", "refused");
  item.querySelector(".state")?.remove();
  if (state === "sent") return;
  item.classList.add(state);
  const said = word({ sending: "sending", waiting: "unsent", refused: "refused" }[state]);
  item.querySelector(".meta").append(make("span", "state", problem ? `${said}: ${problem}` : said));
}

function pending(entry) {
  const item = itemOf({ author: "customer", ...entry });
  mark(item, "sending");
  return item;
}

const echo = new Echo(() => source && (disconnect("connecting"), connect()));
const outbox = new Outbox((entry, state, problem) => {
  const item = find(entry.id);
  if (item) keepEnd(() => mark(item, state, problem));
  if (state === "sent") echo.sent(entry.id);
});

function send(words) {
  const entry = outbox.add(words);
  show({ author: "customer", ...entry }, true);
  connect();
  outbox.flush();
  text.focus();
}

function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (!words) return;
  text.value = "";
  fit();
  send(words);
});

text.addEventListener("input", () => (fit(), connect()));
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

async function stop() {
  text.focus();
  await fetch("/chat/stop", { method: "POST" }).catch(() => null);
}

at("stop").addEventListener("click", stop);
at("newer").addEventListener("click", () => keepEnd(() => text.focus(), true));
scroll.addEventListener("scroll", () => atEnd() && (at("newer").hidden = true), { passive: true });
addEventListener("keydown", (event) => event.key === "Escape" && !drawer.open && !at("stop").hidden && stop());
addEventListener("online", () => outbox.flush());
addEventListener("storage", connect); // another tab of this visitor wrote
addEventListener("focus", reconnect);
document.addEventListener("visibilitychange", () => document.hidden || reconnect());

translate();
connection("connecting");
prepareDrawer(drawer);
begin();
mayAskWhy().then((allowed) => {
  mayAsk = allowed;
  for (const item of log.children) offerWhy(item);
});
