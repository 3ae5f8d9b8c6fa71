/** Values of the shapes one counts on, whatever came over the wire. */

/** A string; empty if it is none. */
export function words(value) {
  return typeof value === "string" ? value : "";
}

/** An array of objects; what else was in it is left out. */
export function list(value) {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Whether it is an object, as JSON has them. */
export function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
