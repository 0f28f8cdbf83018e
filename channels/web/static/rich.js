// Messages as DOM nodes. Text from anybody becomes text nodes only: nothing here ever parses HTML.
import { time, word } from "./words.js";

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", spoiler: "span", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", text_link: "a", url: "a",
};
const BLOCKS = new Set(["pre", "blockquote"]);
const VERBATIM = new Set(["code", "pre", "text_link", "url"]);
const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);
const ADDRESS = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}]/g;

function link(url, ...children) {
  let safe = null;
  try {
    safe = new URL(url);
  } catch {
    return make("span", "", ...children); // not an address: it stays what was written
  }
  if (!SCHEMES.has(safe.protocol)) return make("span", "", ...children);
  const node = make("a", "", ...children);
  node.href = safe.href;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow";
  return node;
}

function plain(parent, text, linked) {
  let from = 0;
  for (const found of linked ? text.matchAll(ADDRESS) : []) {
    parent.append(text.slice(from, found.index), link(found[0], found[0]));
    from = found.index + found[0].length;
  }
  parent.append(text.slice(from));
}

// Offsets and lengths are UTF-16 units, which is what JavaScript counts. Entities nest; ones that cross are cut off.
export function rich(parent, text, entities = []) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fill = (node, start, end, linked) => {
    let at = start;
    while (sorted.length && sorted[0].offset < end) {
      const entity = sorted.shift();
      const from = Math.max(entity.offset, at);
      const to = Math.min(entity.offset + entity.length, end);
      if (to <= from) continue;
      const tag = TAGS[entity.kind] || "span";
      const block = BLOCKS.has(tag); // stands on lines of its own: the line breaks around it are not shown twice
      plain(node, text.slice(at, block && text[from - 1] === "\n" ? Math.max(at, from - 1) : from), linked);
      const child = tag === "a" ? link(entity.url || text.slice(from, to)) : make(tag);
      fill(child, from, to, linked && !VERBATIM.has(entity.kind));
      node.append(child);
      at = block && text[to] === "\n" && to < end ? to + 1 : to;
    }
    plain(node, text.slice(at, end), linked);
  };
  fill(parent, 0, text.length, true);
  return parent;
}

const NAMES = { customer: "you", bot: "bot", desk: "bot", person: "person" };
const BADGES = { bot: "ai", desk: "ai", person: "human" };

export function bubble(turn) {
  const item = make("li", `turn ${turn.author}`);
  if (turn.id) item.dataset.id = turn.id;
  item.dataset.key = `${turn.author}\n${turn.text}`;
  const at = make("time", "", turn.at ? time(turn.at) : "");
  if (turn.at) at.dateTime = turn.at;
  const meta = make("p", "meta", make("span", "name", word(NAMES[turn.author])));
  if (BADGES[turn.author]) meta.append(make("span", "badge", word(BADGES[turn.author])));
  meta.append(at);
  const body = make("div", "bubble");
  if (turn.author === "customer") body.append(turn.text);
  else rich(body, turn.text, turn.entities);
  item.append(meta, body);
  return item;
}

// What an unfinished answer looks like: its text without the commonest marks, which only the finished one can resolve.
export function preview(text) {
  return text.replace(/\*\*|`/g, "").replace(/^#{1,6} /gm, "");
}
