// The texts of all machines in memory, so that a search reads no record but those that it finds. Read at the first
// search: until that is done, and where no watch tells what changes, searches read all records.
import { keyPart } from '../../../store/collections/keys.ts';
import type { Names, Store } from '../../../store/store.ts';
import type { Machine } from '../../../model/machine.ts';
import type { Searched } from '../../../model/search/fields.ts';
import type { TextTerm } from '../../../model/search/query.ts';
import { Followed } from '../followed.ts';
import { Blocks } from './blocks.ts';
import { encodeTexts, LineSearch } from './lines.ts';

/** A fleet with more text than this is searched by reading its records: about 300,000 machines with 14 disks. */
const mostBytes = 256 * 1024 * 1024;

export class MachineTexts extends Followed<Machine> {
  readonly #viewOf: (machine: Machine) => Searched | undefined;
  #blocks = new Blocks();
  #isTooMuch = false;

  /** `viewOf`: the machine as searches see it, but for its liveness; undefined where that changes while the record
   *  does not. */
  constructor(machines: Store['machines'], viewOf: (machine: Machine) => Searched | undefined) {
    super(machines, ({ id }) => id);
    this.#viewOf = viewOf;
  }

  /** The names of the machines for which these terms hold, and of those that have to be read to know; undefined
   *  where that may be any. Errors: those of the store. */
  async named(texts: readonly TextTerm[]): Promise<Names | undefined> {
    const terms = texts.map((term) => LineSearch.of(term)).filter((term) => term !== undefined);
    if (terms.length === 0 || this.#isTooMuch) return undefined;
    if (!this.isKnown) {
      this.begin();
      return undefined;
    }
    await this.upToDate();
    const blocks = this.#blocks;
    return (after, limit) => blocks.find(terms, after, limit);
  }

  protected get size(): number {
    return this.#blocks.size;
  }

  protected keep(name: string, machine: Machine | undefined): void {
    if (this.#isTooMuch) return;
    const view = machine && this.#viewOf(machine);
    this.#blocks.set(keyPart(name), view && encodeTexts(view));
    if (this.#blocks.bytes <= mostBytes) return;
    this.#isTooMuch = true;
    this.clear();
  }

  protected drop(name: string): void {
    this.#blocks.delete(keyPart(name));
  }

  protected clear(): void {
    this.#blocks = new Blocks();
  }
}
