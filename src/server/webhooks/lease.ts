// A lease in the store: of its servers one alone holds it. No clocks are compared: whoever holds it renews it, and what
// has not been renewed for long by the other's own clock may be taken.
import type { Clock } from '../../core/clock.ts';
import { inTime } from '../../core/deadline.ts';
import { isAppError } from '../../core/errors.ts';
import type { Revision, Store } from '../../store/store.ts';

const renewMs = 2000;
const renewalMs = 3000;
/** Without a renewal for so long it is lost, before another server may take it. */
const validMs = 6000;
const takenAfterMs = 15_000;

export interface LeaseServices {
  readonly store: Store;
  readonly clock: Clock;
}

export class Lease {
  readonly #s: LeaseServices;
  readonly #work: string;
  readonly #self: string;
  #revision: Revision | undefined;
  #count = 0;
  /** Ends the renewals of the time before. */
  #ended = new AbortController();

  /** `self` names this run of the server. */
  constructor(s: LeaseServices, work: string, self: string) {
    this.#s = s;
    this.#work = work;
    this.#self = self;
  }

  /** Resolves, once this server holds it, with a signal that is aborted when it is lost or `signal` is aborted.
   *  `onOther`: another server was seen to hold it. Errors: the signal's reason. */
  async take(signal: AbortSignal, onOther: () => void): Promise<AbortSignal> {
    if (this.#s.store.isExclusive) return signal;
    this.#ended.abort();
    const { clock } = this.#s;
    let seen: { readonly revision: Revision; readonly atMs: number } | undefined;
    for (;;) {
      signal.throwIfAborted();
      const startedMs = clock.elapsedMs();
      try {
        const found = await this.#s.store.leases.get(this.#work);
        const isSilent =
          found !== undefined &&
          found.revision === seen?.revision &&
          startedMs - seen.atMs >= takenAfterMs;
        if (found === undefined || found.value.server === this.#self || isSilent) {
          await this.#put(found?.revision);
          return this.#keep(startedMs, signal);
        }
        if (seen?.revision !== found.revision) {
          // The first may be of long ago.
          if (seen !== undefined) onOther();
          seen = { revision: found.revision, atMs: startedMs };
        }
      } catch {
        // Another server was quicker, or the store is away: the next time will do.
      }
      await clock.sleep(renewMs, signal);
    }
  }

  /** Lets another server have it at once. Errors: those of the store. */
  async release(): Promise<void> {
    const revision = this.#revision;
    this.#revision = undefined;
    if (revision !== undefined) await this.#s.store.leases.delete(this.#work, { revision });
  }

  async #put(revision: Revision | undefined): Promise<void> {
    this.#count += 1;
    const { store, clock } = this.#s;
    const document = { work: this.#work, server: this.#self, count: this.#count };
    const written = store.leases.put(document, revision === undefined ? 'absent' : { revision });
    this.#revision = await inTime(written, clock, renewalMs, () => new Error('no answer in time'));
  }

  #keep(startedMs: number, signal: AbortSignal): AbortSignal {
    const lost = new AbortController();
    this.#ended = new AbortController();
    void this.#renew(startedMs, AbortSignal.any([signal, this.#ended.signal])).finally(() => {
      lost.abort(new Error('the lease is lost'));
    });
    return AbortSignal.any([signal, lost.signal]);
  }

  /** Until it is lost. */
  async #renew(startedMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#s;
    let renewedMs = startedMs;
    while (clock.elapsedMs() - renewedMs < validMs) {
      try {
        await clock.sleep(renewMs, signal);
        const atMs = clock.elapsedMs();
        await this.#put(this.#revision);
        renewedMs = atMs;
      } catch (err) {
        if (signal.aborted || isAppError(err, 'store.conflict')) return;
      }
    }
  }
}
