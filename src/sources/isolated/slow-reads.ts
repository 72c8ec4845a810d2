// Reads the few sysfs attributes that ask a driver for their value in libuv's thread pool, where a read
// that never returns can be abandoned.
import { readFile } from 'node:fs';
import type { Clock } from '../../core/clock.ts';
import { inTime } from '../../core/deadline.ts';
import { absentOrThrow, timeoutError } from '../read-error.ts';
import { openFlags } from '../read-file.ts';

/** Attributes that a driver computes, mostly under a lock, which a stuck driver holds. */
const slow = /^\/sys\/.*\/(speed|duplex|carrier|phys_port_id|phys_switch_id|phys_port_name)$/;

/** The pool has four threads, and name resolution needs one. */
const maxThreads = 2;

let stuck = 0;

/** The number of abandoned reads that still occupy a thread. While there are any, `process.exit()` waits
 *  for ever. */
export function stuckReads(): number {
  return stuck;
}

export interface SlowReadOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Reads once a thread is stuck. */
  readonly otherwise: (path: string) => Promise<string | undefined>;
}

export class SlowReads {
  readonly #options: SlowReadOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: SlowReadOptions) {
    this.#options = options;
  }

  /** True for a path that has to be read here. */
  static isSlow(path: string): boolean {
    return slow.test(path);
  }

  /** Errors: AppError `read.*`, `read.timeout` among them. */
  async text(path: string): Promise<string | undefined> {
    while (this.#mustWait()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (stuck > 0) return await this.#options.otherwise(path);
    this.#running += 1;
    try {
      return await this.#within(path, readInPool(path));
    } catch (err) {
      return absentOrThrow(err, path);
    } finally {
      this.#running -= 1;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  #mustWait(): boolean {
    return this.#running >= maxThreads && stuck === 0;
  }

  async #within(path: string, read: Promise<string>): Promise<string> {
    const { clock, timeoutMs } = this.#options;
    let isGivenUp = false;
    const settled = (): void => {
      if (isGivenUp) stuck -= 1;
    };
    read.then(settled, settled);
    return await inTime(read, clock, timeoutMs, () => {
      isGivenUp = true;
      stuck += 1;
      return timeoutError(path, timeoutMs);
    });
  }
}

function readInPool(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    readFile(path, { encoding: 'utf8', flag: openFlags }, (err, text) => {
      if (err === null) resolve(text);
      else reject(err);
    });
  });
}
