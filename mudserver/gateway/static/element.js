/** Elements from values. Text goes in as text: nothing that the server sends is read as markup. */

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties] of the element; `data` holds its data attributes
 * @param {...(Node | string)} children
 */
export function make(tag, { data = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/**
 * Bring the children of `parent` in line with `items`. A child whose item is the same stays, and
 * keeps the focus; when the child that had it goes, the one in its place gets it.
 *
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => Element} build
 */
export function show(parent, items, build) {
  const focused = [...parent.children].findIndex((child) => child.contains(document.activeElement));
  const old = new Map();
  for (const child of parent.children) {
    const key = child.dataset.key;
    old.set(key, [...(old.get(key) ?? []), child]);
  }
  const children = items.map((item) => {
    const key = JSON.stringify(item);
    const kept = old.get(key)?.shift();
    if (kept) return kept;
    const made = build(item);
    made.dataset.key = key;
    return made;
  });
  for (const unused of [...old.values()].flat()) unused.remove();
  children.forEach((child, index) => {
    // Moving an element takes its focus away: move only those that stand elsewhere.
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  if (focused === -1 || parent.contains(document.activeElement)) return;
  children[Math.min(focused, children.length - 1)]?.querySelector("button")?.focus();
}
