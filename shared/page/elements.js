// Building and updating the document. Whatever comes from outside becomes text or an attribute's value, never markup.

const build = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};

/** An HTML element; children are nodes and texts, nested at will. */
const make = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/** An SVG element. */
const draw = (tag, attributes, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const keyOf = (node) => node.dataset?.key;
const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/**
 * Make `live` look like `wanted` by the fewest changes, so that focus, selection and opened details stay.
 * Elements with data-key are found again wherever they moved. What is inside data-island is left alone.
 */
const morph = (live, wanted) => {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== wanted.data) live.data = wanted.data;
    return;
  }
  for (const { name } of [...live.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") live.removeAttribute(name); // the reader opens and closes
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  if (!("island" in live.dataset)) morphChildren(live, [...wanted.childNodes]);
};

const morphChildren = (live, wanted) => {
  const wantedKeys = new Set(wanted.map(keyOf));
  const kept = new Map();
  for (const child of [...live.children]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    if (wantedKeys.has(key) && !kept.has(key)) kept.set(key, child);
    else child.remove();
  }
  let place = live.firstChild;
  for (const next of wanted) {
    const key = keyOf(next);
    const found = key === undefined ? place : kept.get(key);
    kept.delete(key);
    if (!found || !alike(found, next)) {
      live.insertBefore(next, place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else live.insertBefore(found, place);
    morph(found, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
};

/** Set a text; the same text again is no news, also to a screen reader. */
const say = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

/** Put `children` into `live`; the focus stays, even on what has moved. */
const show = (live, ...children) => {
  const focused = document.activeElement;
  morphChildren(live, [...build(document.createDocumentFragment(), null, children).childNodes]);
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
};

/** Do `change` and leave where it is what the reader is at: of `parts` the one with the focus, else the first in the window. */
const keepPlace = (parts, change) => {
  const inWindow = [...parts].filter(
    (part) => part.getBoundingClientRect().bottom > 0 && part.getBoundingClientRect().top < innerHeight,
  );
  const at = inWindow.find((part) => part.contains(document.activeElement)) ?? (scrollY > 0 ? inWindow[0] : null);
  const before = at?.getBoundingClientRect().top;
  change();
  if (at?.isConnected) scrollBy(0, at.getBoundingClientRect().top - before);
};
