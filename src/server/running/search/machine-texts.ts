// The texts and times of all machines in memory, so that a search reads no record but those that it finds. Read at the
// first search: until that is done, and where no watch tells what changes, searches read all records.
import { keyPart, partName } from '../../../store/collections/keys.ts';
import type { Names, Store } from '../../../store/store.ts';
import type { Machine } from '../../../model/machine.ts';
import { timeFieldNames, timeOf, type Searched } from '../../../model/search/fields.ts';
import type { ReadTerm } from '../../../model/search/query.ts';
import { Followed } from '../followed.ts';
import type { Kept, Mark } from './block.ts';
import { Blocks } from './blocks.ts';
import { encodeTexts, LineSearch } from './lines.ts';
import { LiveSearch, TimeSearch, type Alive } from './times.ts';

/** A fleet with more text than this is searched by reading its records: about 300,000 machines with 14 disks. */
const usualMostBytes = 256 * 1024 * 1024;

export class MachineTexts extends Followed<Machine> {
  readonly #viewOf: (machine: Machine) => Searched | undefined;
  readonly #alive: Alive;
  readonly #mostBytes: number;
  #blocks = new Blocks();

  /** `viewOf`: the machine as searches see it, but for how alive it is and when this server heard it; undefined
   *  where that changes while the record does not. */
  constructor(
    machines: Store['machines'],
    viewOf: (machine: Machine) => Searched | undefined,
    alive: Alive,
    mostBytes = usualMostBytes,
  ) {
    super(machines, ({ id }) => id);
    this.#viewOf = viewOf;
    this.#alive = alive;
    this.#mostBytes = mostBytes;
  }

  /** The names of the machines for which these terms hold, and of those that have to be read to know; undefined
   *  where that may be any. Errors: those of the store. */
  async named(terms: readonly ReadTerm[]): Promise<Names | undefined> {
    const marks = terms.map((term) => this.#markOf(term)).filter((mark) => mark !== undefined);
    if (marks.length === 0) return undefined;
    if (!this.isKnown) {
      this.begin();
      return undefined;
    }
    await this.upToDate();
    // It may have become too much.
    if (!this.isKnown) return undefined;
    const blocks = this.#blocks;
    return (after, limit) => blocks.find(marks, after, limit);
  }

  /** True if any of these terms is answered by what is kept here, or would be if it were. */
  canTell(terms: readonly ReadTerm[]): boolean {
    return terms.some((term) => this.#markOf(term) !== undefined);
  }

  protected get size(): number {
    return this.#blocks.size;
  }

  protected keep(name: string, machine: Machine | undefined): void {
    if (this.isGivenUp) return;
    const part = keyPart(name);
    // A name that is cut does not tell whose liveness it is.
    const isWhole = partName(part) !== undefined;
    const view = machine && isWhole ? this.#viewOf(machine) : undefined;
    this.#blocks.set(part, view && keptOf(view));
    if (this.#blocks.bytes > this.#mostBytes) this.giveUp();
  }

  protected drop(name: string): void {
    this.#blocks.delete(keyPart(name));
  }

  protected clear(): void {
    this.#blocks = new Blocks();
  }

  /** undefined for a term that is not answered here as by the records. */
  #markOf(term: ReadTerm): Mark | undefined {
    if ('sinceMs' in term) return new TimeSearch(term, this.#alive);
    return term.field === 'live' ? new LiveSearch(term, this.#alive) : LineSearch.of(term);
  }
}

function keptOf(view: Searched): Kept {
  return { text: encodeTexts(view), times: timeFieldNames.map((name) => timeOf(name, view)) };
}
