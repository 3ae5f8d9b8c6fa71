/**
 * JSON Patch (RFC 6902) on values that are never changed in place: what a patch doesn't touch is
 * shared between the old value and the new.
 */

import { isRecord } from "./shapes.js";

/** A patch that can't be applied; the value it was for is as it was. */
export class PatchError extends Error {}

/**
 * @typedef {object} Operation
 * @property {"add" | "remove" | "replace" | "move" | "copy" | "test"} op
 * @property {string} path a JSON Pointer (RFC 6901)
 * @property {string} [from] a JSON Pointer, for move and copy
 * @property {unknown} [value] for add, replace and test
 */

/**
 * Apply a whole patch, or nothing of it.
 *
 * @param {unknown} value what to patch; left alone
 * @param {Operation[]} operations applied one after the other
 * @returns {unknown} the patched value
 * @throws {PatchError} when any operation can't be applied
 */
export function applyPatch(value, operations) {
  if (!Array.isArray(operations)) throw new PatchError("a patch is an array");
  return operations.reduce(applyOperation, value);
}

/** Split a JSON Pointer into its unescaped tokens (RFC 6901 §4). */
export function pointerTokens(pointer) {
  if (typeof pointer !== "string") throw new PatchError("a pointer is a string");
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw new PatchError(`not a pointer: ${pointer}`);
  return pointer.slice(1).split("/").map(unescapeToken);
}

function unescapeToken(token) {
  if (/~(?![01])/.test(token)) throw new PatchError(`bad escape in ${token}`);
  // ~1 first: "~01" means "~1", not "/".
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

function applyOperation(value, operation) {
  if (!isRecord(operation)) throw new PatchError("an operation is an object");
  const path = pointerTokens(operation.path);
  switch (operation.op) {
    case "add":
      return edit(value, path, added(operand(operation)));
    case "remove":
      return edit(value, path, removed);
    case "replace":
      return edit(value, path, replaced(operand(operation)));
    case "move":
      return move(value, pointerTokens(operation.from), path);
    case "copy":
      return edit(value, path, added(find(value, pointerTokens(operation.from))));
    case "test":
      if (!equal(find(value, path), operand(operation))) {
        throw new PatchError(`test failed at ${operation.path}`);
      }
      return value;
    default:
      throw new PatchError(`unknown operation ${operation.op}`);
  }
}

function operand(operation) {
  if (!Object.hasOwn(operation, "value")) throw new PatchError("a value is missing");
  return operation.value;
}

function move(value, from, path) {
  if (path.length > from.length && from.every((token, index) => token === path[index])) {
    throw new PatchError("nothing can be moved into itself");
  }
  const moved = find(value, from);
  if (path.length === from.length && from.every((token, index) => token === path[index])) {
    return value;
  }
  return edit(edit(value, from, removed), path, added(moved));
}

/** The value at the end of `tokens`. */
function find(value, tokens) {
  return tokens.reduce((parent, token) => child(parent, token), value);
}

/**
 * Rebuild the containers along `tokens`, with `change` done to the last of them.
 *
 * @param {unknown} value
 * @param {string[]} tokens
 * @param {{ root: () => unknown, inArray: Function, inObject: Function }} change
 */
function edit(value, tokens, change) {
  if (tokens.length === 0) return change.root();
  const [token, ...rest] = tokens;
  if (rest.length > 0) {
    const inner = edit(child(value, token), rest, change);
    return Array.isArray(value)
      ? value.map((item, index) => (index === Number(token) ? inner : item))
      : { ...value, [token]: inner };
  }
  if (Array.isArray(value)) return change.inArray(value, token);
  if (isRecord(value)) return change.inObject(value, safeKey(token));
  throw new PatchError(`nothing can be under ${token}`);
}

const added = (item) => ({
  root: () => item,
  inArray: (array, token) => {
    const index = token === "-" ? array.length : arrayIndex(token, array.length + 1);
    return [...array.slice(0, index), item, ...array.slice(index)];
  },
  inObject: (object, key) => ({ ...object, [key]: item }),
});

const replaced = (item) => ({
  root: () => item,
  inArray: (array, token) => {
    const index = arrayIndex(token, array.length);
    return [...array.slice(0, index), item, ...array.slice(index + 1)];
  },
  inObject: (object, key) => {
    child(object, key);
    return { ...object, [key]: item };
  },
});

const removed = {
  root: () => null,
  inArray: (array, token) => {
    const index = arrayIndex(token, array.length);
    return [...array.slice(0, index), ...array.slice(index + 1)];
  },
  inObject: (object, key) => {
    child(object, key);
    const { [key]: _, ...rest } = object;
    return rest;
  },
};

function child(parent, token) {
  if (Array.isArray(parent)) return parent[arrayIndex(token, parent.length)];
  if (isRecord(parent) && Object.hasOwn(parent, safeKey(token))) return parent[token];
  throw new PatchError(`there is no ${token}`);
}

function arrayIndex(token, length) {
  if (!/^(0|[1-9][0-9]*)$/.test(token)) throw new PatchError(`not an index: ${token}`);
  const index = Number(token);
  if (index >= length) throw new PatchError(`index ${token} is out of range`);
  return index;
}

/** Refuse the one key that would set a prototype instead of a member. */
function safeKey(token) {
  if (token === "__proto__") throw new PatchError("__proto__ is not a member");
  return token;
}

/** Equality of JSON values (RFC 6902 §4.6): the order of members doesn't count. */
function equal(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => equal(item, other[index]));
  }
  if (isRecord(one) && isRecord(other)) {
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]))
    );
  }
  return one === other;
}
