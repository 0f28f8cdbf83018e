// Texts on their way to the server. They stay in localStorage until it has confirmed them, so that no reload loses one.
const KEY = "firstline.unsent";
const LONGEST_WAIT = 30;
const KEPT = 50;

function makeId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  // `changed(entry, state, problem)` is told: sending, sent, waiting (to try again) or refused (never again)
  constructor(changed) {
    this.changed = changed;
    this.memory = [];
    this.busy = false;
    this.wait = 1;
    this.timer = 0;
  }

  get entries() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) || [];
    } catch {
      return this.memory; // storage is forbidden or spoilt: this page still remembers
    }
  }

  set entries(list) {
    this.memory = list.slice(-KEPT);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.memory));
    } catch {
      return; // storage is forbidden or full: `memory` holds them while the page is open
    }
  }

  add(text) {
    const entry = { id: makeId(), text, at: new Date().toISOString() };
    this.entries = [...this.entries, entry];
    return entry;
  }

  remove(entry) {
    this.entries = this.entries.filter((kept) => kept.id !== entry.id);
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      for (let entry = this.entries[0]; entry; entry = this.entries[0]) {
        if (!(await this.send(entry))) break;
      }
    } finally {
      this.busy = false;
    }
  }

  async send(entry) {
    this.changed(entry, "sending");
    const body = JSON.stringify({ id: entry.id, text: entry.text });
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: AbortSignal.timeout(20000) };
    const answer = await fetch("/chat/messages", options).catch(() => null);
    if (answer?.status === 202) {
      this.wait = 1;
      this.remove(entry);
      this.changed(entry, "sent");
      return true;
    }
    if (answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      this.remove(entry);
      const said = await answer.json().catch(() => ({}));
      this.changed(entry, "refused", said.problem || "");
      return true;
    }
    const asked = Number(answer?.headers.get("Retry-After")) || this.wait;
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    this.changed(entry, "waiting");
    this.timer = setTimeout(() => this.flush(), Math.min(asked, LONGEST_WAIT) * 1000);
    return false;
  }
}
