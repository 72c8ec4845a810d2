// Values of which many are alike, kept once: of machines that differ in nothing that is counted, say.

/** The most different values that are looked for again; of more, some are kept twice. */
const most = 10_000;

export class Alike<V extends object> {
  readonly #known = new Map<string, V>();

  /** The value, or one before it with the very same content. It must not be changed. */
  of(value: V): V {
    const content = JSON.stringify(value);
    const known = this.#known.get(content);
    if (known !== undefined) return known;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(content, value);
    return value;
  }
}
