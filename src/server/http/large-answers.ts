// Answers that take memory: few pages of lists are made at once, each in a turn of its own, and what clients leave unread
// is not kept without end.
import type { ServerResponse } from 'node:http';
import type { onSendHookHandler, preHandlerHookHandler, RouteOptions } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { nextTurn } from '../../core/turns.ts';
import type { Held } from '../running/held.ts';
import type { StoreHealth } from '../running/store-health.ts';

/** A page takes 2 MB, and some times that while it is made and compressed. */
const mostPages = 8;
/** Who has waited so long for others, whom the store did not answer, does not ask it as well. */
const patienceMs = 10_000;
/** Shorter answers are not counted: the operating system takes them at once. */
const largeBytes = 16 * 1024;
/** The turns before each page: in each, one new connection is taken, and others must not wait for as many pages. */
const turnsBetween = 16;

export interface UnreadServices {
  readonly limits: { readonly unread: Held };
  readonly log: Log;
}

export interface PageServices extends UnreadServices {
  readonly clock: Clock;
  readonly storeHealth: Pick<StoreHealth, 'away'>;
}

export class LargeAnswers {
  readonly #s: PageServices;
  /** The pages that are being made. */
  readonly #pages = new Set<ServerResponse>();
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(s: PageServices) {
    this.#s = s;
  }

  /** Adds this to a route, after all else that it does to its answers. */
  bound(route: RouteOptions): void {
    const query: object = Object(Object(route.schema?.querystring).properties);
    // A reader who waits for something to happen would keep others from theirs.
    const isPage = 'limit' in query && !('wait' in query);
    if (isPage) route.preHandler = [this.#begin, route.preHandler ?? []].flat();
    route.onSend = [route.onSend ?? [], this.#made].flat();
  }

  readonly #begin: preHandlerHookHandler = (_request, { raw }, done) => {
    const { clock, storeHealth } = this.#s;
    const cameMs = clock.elapsedMs();
    raw.once('close', () => this.#end(raw));
    const begin = async (): Promise<void> => {
      // Its reader may be gone.
      if (raw.destroyed) return;
      if (storeHealth.away !== undefined && clock.elapsedMs() - cameMs >= patienceMs) {
        done(storeHealth.away);
        return;
      }
      this.#pages.add(raw);
      await betweenPages();
      done();
    };
    if (this.#pages.size < mostPages) void begin();
    else this.#waiting.push(begin);
  };

  readonly #made: onSendHookHandler = ({ raw: request }, { raw }, payload, done) => {
    this.#end(raw);
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
    if (bytes >= largeBytes && request.method !== 'HEAD') {
      tell(this.#s, this.#s.limits.unread.bound(bytes));
      holdUnread(this.#s, raw);
    }
    done(null, payload);
  };

  #end(page: ServerResponse): void {
    this.#pages.delete(page);
    while (this.#pages.size < mostPages) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      void next();
    }
  }
}

/** Counts what a client leaves unread of an answer. Returns what is to be called as that grows: it cuts off readers. */
export function holdUnread(s: UnreadServices, answer: ServerResponse): () => void {
  const { unread } = s.limits;
  const { remoteAddress: address = '' } = answer.socket ?? {};
  const holding = {
    address,
    get bytes() {
      return answer.writableLength;
    },
    cut: () => void answer.destroy(),
  };
  unread.add(holding);
  answer.once('close', () => {
    unread.delete(holding);
  });
  return () => {
    tell(s, unread.grown(holding));
  };
}

function tell({ log }: UnreadServices, cut: ReturnType<Held['bound']>): void {
  for (const { address, bytes } of cut) {
    log.warn({ from: address, bytes }, 'a client that does not read its answer was cut off');
  }
}

async function betweenPages(): Promise<void> {
  for (let turn = 0; turn < turnsBetween; turn += 1) await nextTurn();
}
