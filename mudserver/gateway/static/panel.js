/** The room at the side, and the character. */

import { make, show } from "./element.js";
import { nounOf } from "./views.js";

export class Panel {
  #command;
  #parts;
  /** Which is shown. */
  #room = undefined;

  /**
   * @param {Document} page
   * @param {object} actions
   * @param {(text: string) => void} actions.command a line as if typed
   * @param {() => void} actions.more asks for the next page of occupants
   */
  constructor(page, { command, more }) {
    this.#command = command;
    const part = (id) => page.getElementById(id);
    this.#parts = {
      panel: part("panel"),
      name: part("room-name"),
      exits: part("exits"),
      details: part("details"),
      toggle: part("details-toggle"),
      description: part("room-description"),
      occupants: part("occupants"),
      more: part("occupants-more"),
      unlisted: part("occupants-unlisted"),
      items: part("items"),
      itemsSection: part("items-section"),
      characterSection: part("character"),
      characterName: part("character-name"),
      position: part("character-position"),
      vitals: part("vitals"),
      inventory: part("inventory"),
      emptyHanded: part("inventory-empty"),
    };
    const { panel, toggle, details } = this.#parts;
    part("occupants-more").addEventListener("click", more);
    toggle.addEventListener("click", () => {
      const open = toggle.getAttribute("aria-expanded") !== "true";
      toggle.setAttribute("aria-expanded", String(open));
      details.classList.toggle("open", open);
    });
    // A click shall not take the focus from the command line, nor close a phone's keyboard.
    panel.addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) event.preventDefault();
    });
  }

  /** Buttons are of no use without a connection. */
  setConnected(connected) {
    this.#parts.panel.classList.toggle("stale", !connected);
  }

  /**
   * @param {import("./views.js").RoomView | null} room
   * @param {boolean} hasMore whether another page of occupants can be asked for
   */
  showRoom(room, hasMore) {
    const parts = this.#parts;
    if (room?.id !== this.#room) parts.panel.scrollTop = 0;
    this.#room = room?.id;
    parts.name.textContent = room?.name ?? "";
    parts.description.textContent = room?.description ?? "";
    show(parts.exits, room?.exits ?? [], (exit) => this.#exit(exit));
    show(parts.occupants, room?.occupants ?? [], occupant);
    show(parts.items, room?.items ?? [], (item) => this.#thing(item));
    parts.itemsSection.hidden = !room || room.items.length === 0;
    parts.more.hidden = !hasMore;
    parts.unlisted.hidden = !room || room.unlisted === 0;
    parts.unlisted.textContent = `and ${room?.unlisted ?? 0} more`;
  }

  /** @param {import("./views.js").CharacterView | null} character */
  showCharacter(character) {
    const parts = this.#parts;
    parts.characterSection.hidden = character === null;
    if (character === null) return;
    parts.characterName.textContent = character.name;
    parts.position.textContent = character.position;
    show(parts.vitals, character.vitals, vital);
    show(parts.inventory, character.inventory, (item) => this.#thing(item));
    parts.emptyHanded.hidden = character.inventory.length > 0;
  }

  #exit({ direction, name, closed }) {
    const button = make(
      "button",
      { type: "button", className: closed ? "exit closed" : "exit", data: { direction } },
      make("span", { className: "direction", textContent: direction }),
      " ",
      make("span", { className: "leads-to", textContent: closed ? `${name} (closed)` : name }),
    );
    button.addEventListener("click", () => this.#command(direction));
    return make("li", {}, button);
  }

  #thing({ id, name }) {
    const button = make("button", { type: "button", className: "thing", textContent: name });
    button.title = `Look at ${name}`;
    button.addEventListener("click", () => this.#command(`look ${nounOf(name)}`));
    return make("li", { data: { id } }, button);
  }
}

function occupant({ id, name, npc, self }) {
  const item = make("li", { className: npc ? "npc" : "player", data: { id } }, name);
  if (self) item.append(" ", make("span", { className: "self", textContent: "(you)" }));
  return item;
}

function vital({ name, value, most }) {
  const row = make("li", {}, make("span", { className: "vital-name", textContent: name }));
  if (most !== null && most > 0) {
    const meter = make("meter", { min: 0, max: most, value, textContent: `${value} of ${most}` });
    meter.setAttribute("aria-label", name);
    row.append(meter);
  }
  row.append(
    make("span", { className: "vital-value", textContent: most === null ? value : `${value}/${most}` }),
  );
  return row;
}
