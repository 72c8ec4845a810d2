// Decides how long to go on asking a server that gave nothing new, and waits between two tries.
import { fullJitterMs } from '../../../core/backoff.ts';
import type { Clock } from '../../../core/clock.ts';
import { AppError, describeError } from '../../../core/errors.ts';
import { unreachable } from './answer.ts';

export interface TriesOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Told why it has to try again. */
  readonly onRetry?: (reason: string) => void;
}

/** A transfer fails that gets no new byte for this long, over all its tries. */
const giveUpMs = 30 * 60_000;
/** A server that is away comes back; one that answers this often in a row without a new byte has no more of the file. */
const answersInVain = 10;
const policy = { baseMs: 1_000, capMs: 60_000 };

export class Tries {
  readonly #url: string;
  readonly #o: TriesOptions;
  #gainedMs: number;
  #failures = 0;
  #answered = 0;

  constructor(url: string, options: TriesOptions) {
    this.#url = url;
    this.#o = options;
    this.#gainedMs = options.clock.elapsedMs();
  }

  /** Something new has come. */
  gained(): void {
    this.#gainedMs = this.#o.clock.elapsedMs();
    this.#failures = 0;
    this.#answered = 0;
  }

  /** An answer has begun to come. */
  answered(): void {
    this.#answered += 1;
  }

  /** Waits before another try. Errors: AppError `image.unreachable` with the last failure as its cause where another
   *  try is of no use; the failure itself where it is an AppError; the signal's reason. */
  async again(failure: unknown, next = 'trying again'): Promise<void> {
    const { clock, signal, random, onRetry } = this.#o;
    signal.throwIfAborted();
    if (failure instanceof AppError) throw failure;
    if (this.#answered >= answersInVain) {
      const why = `the server answered ${this.#answered} times in a row without a new byte`;
      throw unreachable(this.#url, new Error(why, { cause: failure }));
    }
    if (clock.elapsedMs() - this.#gainedMs >= giveUpMs) throw unreachable(this.#url, failure);
    onRetry?.(`${describeError(failure)}; ${next}`);
    await clock.sleep(fullJitterMs(policy, this.#failures, random), signal);
    this.#failures += 1;
  }
}
