// Overlapping readings of the same thing. Pure: neither DOM nor requests.

/** Numbers the readings as they begin, so that no late answer replaces a newer one. */
export class Readings {
  #begun = 0;
  #taken = 0;

  /** Call what it returns once the answer is there: false if one that began later was taken before. */
  begin(): () => boolean {
    this.#begun += 1;
    const number = this.#begun;
    return () => {
      if (number < this.#taken) return false;
      this.#taken = number;
      return true;
    };
  }
}
