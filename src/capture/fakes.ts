// Makes fakes for identifying values: of the same shape, equal for equal values, different for different
// ones.
import { createHash, randomBytes } from 'node:crypto';

export class Fakes {
  readonly #key: Uint8Array;
  readonly #made = new Map<string, string>();
  /** Taken values: a fake is neither another value's fake nor any real value. */
  readonly #taken: Set<string>;
  readonly #isAcceptable: (fake: string, original: string) => boolean;

  /** `secrets` are all values to fake. Together they form the key, so that a second capture of the same
   *  machine gets the same fakes, and nobody can try out single values. */
  constructor(
    secrets: readonly string[],
    isAcceptable: (fake: string, original: string) => boolean,
  ) {
    this.#isAcceptable = isAcceptable;
    this.#taken = new Set(secrets);
    const all = createHash('sha256').update(JSON.stringify(secrets.toSorted(byCode)));
    // A key made of little more than a MAC could be found by trying all MACs.
    const isGuessable = secrets.join('').length < 48;
    this.#key = isGuessable ? randomBytes(32) : all.digest();
  }

  /** Replaces letters by letters, digits by digits, and hex digits of `hex` values by hex digits. Everything
   *  else stays, and so do the first `keep` characters. */
  of(original: string, { hex = false, keep = 0 }: { hex?: boolean; keep?: number } = {}): string {
    const known = this.#made.get(original);
    if (known !== undefined) return known;
    for (let attempt = 0; ; attempt++) {
      const fake = original.slice(0, keep) + this.#draw(original, attempt, hex).slice(keep);
      const isNew = !this.#taken.has(fake) && this.#isAcceptable(fake, original);
      // A value with very few characters to change may run out of fakes.
      if (!isNew && attempt < 1000) continue;
      this.#made.set(original, fake);
      this.#taken.add(fake);
      return fake;
    }
  }

  /** Returns 32 bytes that only the key and the text determine. */
  random(text: string): Buffer {
    return createHash('sha256').update(this.#key).update(text).digest();
  }

  #draw(original: string, attempt: number, hex: boolean): string {
    let fake = '';
    let stream: Buffer = Buffer.alloc(0);
    for (let i = 0; i < original.length; i++) {
      if (i % 32 === 0) stream = this.random(JSON.stringify([original, attempt, i]));
      fake += like(original.charAt(i), stream[i % 32] ?? 0, hex);
    }
    return fake;
  }
}

/** Picks a character of the same kind. */
function like(char: string, random: number, hex: boolean): string {
  if (hex && /[0-9a-f]/.test(char)) return '0123456789abcdef'.charAt(random % 16);
  if (/[0-9]/.test(char)) return String(random % 10);
  if (/[a-z]/.test(char)) return String.fromCharCode(97 + (random % 26));
  if (/[A-Z]/.test(char)) return String.fromCharCode(65 + (random % 26));
  return char;
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : 1;
}
