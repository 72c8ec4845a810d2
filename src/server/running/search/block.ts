// The texts of some machines in one piece of memory outside the heap, in the order of their names, with the times that
// searches look at.
import { timeFieldNames } from '../../../model/search/fields.ts';

/** The size of a block: to search it takes microseconds, and so does moving what is behind a changed machine. */
export const blockBytes = 64 * 1024;
/** A machine with more text than this has none here, and each search reads its record. */
const mostBytes = blockBytes / 4;
const width = timeFieldNames.length;

/** The part of a machine that is kept. */
export interface Kept {
  readonly text: string;
  /** One for each field of times, in their order; NaN where there is none. Units: milliseconds since 1970. */
  readonly times: readonly number[];
}

/** The machines of a block by their index. */
export interface Rows {
  readonly names: readonly string[];
  readonly bytes: Buffer;
  /** Where the texts of each machine end. */
  readonly ends: readonly number[];
  /** As many as there are fields of times for each machine. */
  readonly times: readonly number[];
}

/** A term as it is looked for here. */
export interface Mark {
  readonly isNegated: boolean;
  /** Sets `found` at the index of each machine for which the term holds, but for its minus. */
  mark(rows: Rows, found: Uint8Array): void;
}

const noTimes: readonly number[] = timeFieldNames.map(() => NaN);

export class Block {
  /** `blockBytes` of memory, of which nobody else has any. */
  readonly bytes: Buffer;
  readonly #names: string[] = [];
  readonly #ends: number[] = [];
  readonly #times: number[] = [];
  /** Those that each search has to read. */
  readonly #unsure = new Set<string>();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get first(): string {
    return this.#names[0] ?? '';
  }

  get last(): string {
    return this.#names.at(-1) ?? '';
  }

  get size(): number {
    return this.#names.length;
  }

  get #used(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** Puts a machine in its place; false, and nothing is changed, where the block is too full for it. `kept`
   *  undefined: nobody can say what its texts and times are. */
  set(name: string, kept: Kept | undefined): boolean {
    const length = Buffer.byteLength(kept?.text ?? '');
    const isKept = kept !== undefined && length <= mostBytes;
    const [at, isThere] = this.#place(name);
    const start = this.#ends[at - 1] ?? 0;
    const end = isThere ? (this.#ends[at] ?? start) : start;
    const more = (isKept ? length : 0) - (end - start);
    if (this.#used + more > blockBytes) return false;
    this.bytes.copyWithin(end + more, end, this.#used);
    if (isKept) this.bytes.write(kept.text, start);
    if (!isThere) {
      this.#names.splice(at, 0, name);
      this.#ends.splice(at, 0, start);
    }
    this.#times.splice(at * width, isThere ? width : 0, ...(isKept ? kept.times : noTimes));
    for (let i = at; i < this.#ends.length; i += 1) this.#ends[i] = (this.#ends[i] ?? 0) + more;
    if (isKept) this.#unsure.delete(name);
    else this.#unsure.add(name);
    return true;
  }

  delete(name: string): void {
    if (!this.#place(name)[1]) return;
    this.set(name, { text: '', times: noTimes });
    const [at] = this.#place(name);
    this.#names.splice(at, 1);
    this.#ends.splice(at, 1);
    this.#times.splice(at * width, width);
  }

  /** Moves the second half of the machines to a new block, which gets this memory. */
  split(bytes: Buffer): Block {
    const half = new Block(bytes);
    const keep = Math.ceil(this.size / 2);
    const names = this.#names.splice(keep);
    const ends = this.#ends.splice(keep);
    const times = this.#times.splice(keep * width);
    let start = this.#used;
    for (const [i, name] of names.entries()) {
      const end = ends[i] ?? start;
      const text = this.bytes.toString('utf8', start, end);
      const kept = { text, times: times.slice(i * width, (i + 1) * width) };
      half.set(name, this.#unsure.delete(name) ? undefined : kept);
      start = end;
    }
    return half;
  }

  /** The machines after a name for which all terms hold, or may hold. */
  find(terms: readonly Mark[], after: string | undefined): string[] {
    const rows = {
      names: this.#names,
      bytes: this.bytes.subarray(0, this.#used),
      ends: this.#ends,
      times: this.#times,
    };
    const isIn = new Uint8Array(this.size).fill(1);
    const found = new Uint8Array(this.size);
    for (const term of terms) {
      term.mark(rows, found.fill(0));
      const unwanted = term.isNegated ? 1 : 0;
      for (let i = 0; i < found.length; i += 1) if (found[i] === unwanted) isIn[i] = 0;
      if (this.#unsure.size === 0 && !isIn.includes(1)) return [];
    }
    return this.#names.filter(
      (name, i) =>
        (isIn[i] === 1 || this.#unsure.has(name)) && (after === undefined || name > after),
    );
  }

  /** Where a name is, or belongs. */
  #place(name: string): [at: number, isThere: boolean] {
    let [low, high] = [0, this.#names.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#names[middle] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return [low, this.#names[low] === name];
  }
}
