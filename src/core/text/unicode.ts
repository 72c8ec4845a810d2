// Text that any program can read: Unicode without halves of surrogate pairs, which JSON can spell and
// Rust's serde refuses.

/** The first `length` UTF-16 units of a text, or one fewer where that would split a pair. */
export function cut(text: string, length: number): string {
  const isSplit = length > 0 && isHigh(text, length - 1) && isLow(text, length);
  return text.slice(0, isSplit ? length - 1 : length);
}

function isHigh(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc_00) === 0xd8_00;
}

function isLow(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc_00) === 0xdc_00;
}

/** The same value with U+FFFD for every lone surrogate in its texts, keys included. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]),
  );
}

/** True if no text in the value, keys included, has a lone surrogate. */
export function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isWellFormed(item));
}
