// The terms of a search that look at a time, or at how alive a machine is. When it was last heard is known better
// than its record has it, so both ask who is heard now.
import { timeFieldNames } from '../../../model/search/fields.ts';
import { isAtTime, textTest, type TextTerm, type TimeTerm } from '../../../model/search/query.ts';
import { partName } from '../../../store/collections/keys.ts';
import type { Liveness } from '../liveness/liveness.ts';
import type { Mark, Rows } from './block.ts';

export type Alive = Pick<Liveness, 'get' | 'of'>;

const width = timeFieldNames.length;
const seenColumn = timeFieldNames.indexOf('seen');

export class TimeSearch implements Mark {
  readonly isNegated: boolean;
  readonly #term: TimeTerm;
  readonly #alive: Alive;

  constructor(term: TimeTerm, alive: Alive) {
    this.isNegated = term.isNegated;
    this.#term = term;
    this.#alive = alive;
  }

  mark({ names, times }: Rows, found: Uint8Array): void {
    const column = timeFieldNames.indexOf(this.#term.field);
    for (const [i, name] of names.entries()) {
      const heardAt = column === seenColumn ? this.#alive.get(idOf(name))?.seenAt : undefined;
      const atMs = heardAt?.getTime() ?? times[i * width + column] ?? NaN;
      if (isAtTime(atMs, this.#term)) found[i] = 1;
    }
  }
}

export class LiveSearch implements Mark {
  readonly isNegated: boolean;
  readonly #alive: Alive;
  readonly #isWanted: (live: string) => boolean;

  constructor(term: TextTerm, alive: Alive) {
    this.isNegated = term.isNegated;
    this.#alive = alive;
    const test = textTest(term);
    this.#isWanted = (live) => test({ texts: { live: `\n${live}\n` }, plain: '\n', timesMs: {} });
  }

  mark({ names, times }: Rows, found: Uint8Array): void {
    const known = new Map<string, boolean>();
    for (const [i, name] of names.entries()) {
      const seenMs = times[i * width + seenColumn] ?? NaN;
      const live = this.#alive.of(idOf(name), !Number.isNaN(seenMs)) ?? 'unheard';
      const isWanted = known.get(live) ?? this.#isWanted(live);
      known.set(live, isWanted);
      if (isWanted) found[i] = 1;
    }
  }
}

function idOf(name: string): string {
  return name.includes('~') ? (partName(name) ?? name) : name;
}
