// Work that would get in each other's way, one after another: a lane for each key.

export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once everything that came before it in the lane has ended, well or badly. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
