// One file on its way to one machine: which blocks are sent when. It knows no sockets and no time, so that every
// order of acknowledgements can be tried.

export interface Agreed {
  readonly blockBytes: number;
  /** Blocks that are sent before one is acknowledged. */
  readonly window: number;
  /** The options to confirm; empty: the first block goes out at once. */
  readonly confirmed: ReadonlyMap<string, string>;
}

const defaultBlockBytes = 512;
/** A block with its headers fits an Ethernet frame, so that none is cut in two. */
const longestBlock = 1468;
const longestWindow = 32;

/** Takes those of a client's options that make sense, within limits. A size is told where it is asked for. */
export function agree(options: ReadonlyMap<string, string>, sizeBytes: number): Agreed {
  const blockBytes = numberIn(options.get('blksize'), 8, longestBlock);
  const window = numberIn(options.get('windowsize'), 1, longestWindow);
  const confirmed = new Map<string, string>();
  if (blockBytes !== undefined) confirmed.set('blksize', String(blockBytes));
  if (window !== undefined) confirmed.set('windowsize', String(window));
  if (options.get('tsize') === '0') confirmed.set('tsize', String(sizeBytes));
  return { blockBytes: blockBytes ?? defaultBlockBytes, window: window ?? 1, confirmed };
}

/** A whole number, at most `most`; undefined for less than `least` and for anything else. */
function numberIn(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text) || Number(text) < least) return undefined;
  return Math.min(Number(text), most);
}

/** Blocks to send, both ends among them; undefined: none. */
export type Blocks = readonly [first: number, last: number] | undefined;

export class Transfer {
  readonly #agreed: Agreed;
  readonly #last: number;
  /** The last block that was acknowledged. 0 stands for the options. */
  #acknowledged: number;
  /** Where a window was sent again without being asked by a timeout: once at each place. */
  #repeatedAt = -1;

  constructor(agreed: Agreed, sizeBytes: number) {
    this.#agreed = agreed;
    // The last block is shorter than the others, so it may be empty.
    this.#last = Math.floor(sizeBytes / agreed.blockBytes) + 1;
    this.#acknowledged = agreed.confirmed.size > 0 ? -1 : 0;
  }

  /** True while the client has not acknowledged the options: they are to be sent instead of blocks. */
  get isOpening(): boolean {
    return this.#acknowledged < 0;
  }

  get isOver(): boolean {
    return this.#acknowledged === this.#last;
  }

  /** Everything that the client has to get next, at first and after a timeout. */
  get window(): Blocks {
    if (this.isOpening || this.isOver) return undefined;
    return [this.#acknowledged + 1, Math.min(this.#acknowledged + this.#agreed.window, this.#last)];
  }

  /** Takes an acknowledgement, whose number counts modulo 65,536, and gives what to send upon it. One that was
   *  there before is answered by nothing: else each one doubled on the way would double all that follows. */
  acknowledge(number: number): Blocks {
    const until = this.window?.[1] ?? 0;
    const block = fullNumber(number, this.#acknowledged, until);
    if (block === undefined) return undefined;
    if (block === this.#acknowledged) {
      // In a window it says that a block was lost.
      if (this.#agreed.window === 1 || this.#repeatedAt === block) return undefined;
      this.#repeatedAt = block;
      return this.window;
    }
    this.#acknowledged = block;
    return this.window;
  }
}

/** The block from `from` to `to` that has this number; undefined without any. */
function fullNumber(number: number, from: number, to: number): number | undefined {
  for (let block = Math.max(from, 0); block <= to; block += 1) {
    if ((block & 0xff_ff) === number) return block;
  }
  return undefined;
}
