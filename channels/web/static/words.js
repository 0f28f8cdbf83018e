// The words of the pages, one row a word in each language; the first serves everybody whose language is not here.
const LANGUAGES = ["en", "da", "de"];
const WORDS = {
  subtitle: ["AI assistant", "AI-assistent", "KI-Assistent"],
  greeting: ["Hi! How can we help?", "Hej! Hvad kan vi hjælpe med?", "Hallo! Wie können wir helfen?"],
  greetingMore: [
    "Ask in your own words. You can ask for a person at any time.",
    "Spørg med dine egne ord. Du kan altid bede om et menneske.",
    "Fragen Sie in eigenen Worten. Sie können jederzeit nach einem Menschen fragen.",
  ],
  conversation: ["Conversation", "Samtale", "Unterhaltung"],
  messages: ["Messages", "Beskeder", "Nachrichten"],
  suggestions: ["Suggestions", "Forslag", "Vorschläge"],
  label: ["Your message", "Din besked", "Ihre Nachricht"],
  placeholder: ["Write a message", "Skriv en besked", "Nachricht schreiben"],
  hint: ["Enter sends, Shift+Enter starts a new line", "Enter sender, Skift+Enter giver ny linje", "Enter sendet, Umschalt+Enter beginnt eine neue Zeile"],
  send: ["Send", "Send", "Senden"],
  stop: ["Stop the answer", "Stop svaret", "Antwort anhalten"],
  close: ["Close", "Luk", "Schließen"],
  newer: ["New messages", "Nye beskeder", "Neue Nachrichten"],
  you: ["You", "Du", "Sie"],
  bot: ["Assistant", "Assistent", "Assistent"],
  person: ["Support team", "Supportteam", "Support-Team"],
  ai: ["AI", "AI", "KI"],
  human: ["Person", "Menneske", "Mensch"],
  heard: ["Got it, one moment…", "Modtaget, et øjeblik…", "Angekommen, einen Moment…"],
  writing: ["Writing…", "Skriver…", "Schreibt…"],
  withPerson: ["Received. A person will answer here", "Modtaget. Et menneske svarer her", "Angekommen. Ein Mensch antwortet hier"],
  sending: ["Sending", "Sender", "Wird gesendet"],
  unsent: ["Not sent yet, trying again", "Ikke sendt endnu, prøver igen", "Noch nicht gesendet, neuer Versuch"],
  refused: ["Not sent", "Ikke sendt", "Nicht gesendet"],
  connecting: ["Connecting", "Forbinder", "Verbindet"],
  online: ["Online", "Online", "Online"],
  offline: ["Reconnecting", "Forbinder igen", "Verbindet neu"],
  elsewhere: ["Open in another tab", "Åben i en anden fane", "In anderem Tab offen"],
  why: ["Why?", "Hvorfor?", "Warum?"],
  whyTitle: ["Why this answer", "Hvorfor dette svar", "Warum diese Antwort"],
  answeredBy: ["Answered by", "Besvaret af", "Beantwortet von"],
  cost: ["Cost", "Pris", "Kosten"],
  firstText: ["First word", "Første ord", "Erstes Wort"],
  total: ["Whole answer", "Hele svaret", "Ganze Antwort"],
  rules: ["Rules that applied", "Regler der gjaldt", "Regeln, die griffen"],
  noRules: ["No rule applied: the first tier answered.", "Ingen regel gjaldt: første trin svarede.", "Keine Regel griff: die erste Stufe antwortete."],
  without: ["Without this rule", "Uden denne regel", "Ohne diese Regel"],
  held: ["still lasting", "varer stadig", "gilt noch"],
  readings: ["What the signals saw", "Hvad signalerne så", "Was die Signale sahen"],
  signal: ["Signal", "Signal", "Signal"],
  value: ["Value", "Værdi", "Wert"],
  note: ["Because of", "På grund af", "Wegen"],
  score: ["Sure", "Sikker", "Sicher"],
  nothing: ["nothing", "intet", "nichts"],
  yes: ["yes", "ja", "ja"],
  no: ["no", "nej", "nein"],
  failed: ["could not read", "kunne ikke læse", "nicht lesbar"],
  book: ["Rulebook", "Regelbog", "Regelwerk"],
  unknown: ["unknown", "ukendt", "unbekannt"],
  free: ["free", "gratis", "kostenlos"],
  noReceipt: ["Nothing is known about this answer.", "Der vides intet om dette svar.", "Über diese Antwort ist nichts bekannt."],
};

const wanted = (navigator.languages || [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
export const language = wanted.find((tag) => LANGUAGES.includes(tag)) || LANGUAGES[0];

export function word(name) {
  return WORDS[name][LANGUAGES.indexOf(language)];
}

export function translate() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", word(node.dataset.label));
    if (node.tagName === "BUTTON") node.title = word(node.dataset.label);
  }
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = word(node.dataset.placeholder);
}

const place = wanted[0] === language ? navigator.language : language; // en-GB writes its times otherwise than en-US
const clock = new Intl.DateTimeFormat(place, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(place, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export function time(iso) {
  const at = new Date(iso);
  return Date.now() - at.getTime() > 20 * 3600 * 1000 ? day.format(at) : clock.format(at);
}
