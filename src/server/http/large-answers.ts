// Answers that take memory: few pages of lists are made at once, each in a turn of its own, and what clients leave unread
// is not kept without end.
import type { ServerResponse } from 'node:http';
import type { onSendHookHandler, preHandlerHookHandler, RouteOptions } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { nextTurn } from '../../core/turns.ts';

/** A page takes 2 MB, and some times that while it is made and compressed. */
const mostPages = 8;
/** The most that waits in memory for all clients together. */
const mostUnreadBytes = 64 * 1024 * 1024;
/** Shorter answers are not counted: the operating system takes them at once. */
const largeBytes = 16 * 1024;
/** The turns before each page: in each, one new connection is taken, and others must not wait for as many pages. */
const turnsBetween = 16;

interface LargeAnswerServices {
  readonly clock: Clock;
  readonly log: Log;
}

export class LargeAnswers {
  readonly #s: LargeAnswerServices;
  readonly #mostUnreadBytes: number;
  /** The pages that are being made. */
  readonly #pages = new Set<ServerResponse>();
  readonly #waiting: (() => Promise<void>)[] = [];
  /** Large answers that have not gone out, and since when. */
  readonly #unread = new Map<ServerResponse, number>();

  constructor(s: LargeAnswerServices, most = mostUnreadBytes) {
    this.#s = s;
    this.#mostUnreadBytes = most;
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
    raw.once('close', () => this.#end(raw));
    const begin = async (): Promise<void> => {
      // Its reader may be gone.
      if (raw.destroyed) return;
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
    if (bytes >= largeBytes && request.method !== 'HEAD') this.#count(raw, bytes);
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

  /** Counts an answer before it goes out, and cuts off readers if it is too much: those first who leave the most for the
   *  longest. */
  #count(answer: ServerResponse, bytes: number): void {
    const nowMs = this.#s.clock.elapsedMs();
    let unread = bytes;
    for (const one of this.#unread.keys()) unread += one.writableLength;
    while (unread > this.#mostUnreadBytes) {
      const [slowest] = [...this.#unread].reduce<readonly [ServerResponse | undefined, number]>(
        (worst, [one, sinceMs]) => {
          const cost = one.writableLength * (nowMs - sinceMs);
          return cost > worst[1] ? [one, cost] : worst;
        },
        [undefined, 0],
      );
      if (slowest === undefined) break;
      unread -= slowest.writableLength;
      this.#unread.delete(slowest);
      this.#s.log.warn(
        { from: slowest.socket?.remoteAddress, bytes: slowest.writableLength },
        'a client that does not read its answer was cut off',
      );
      slowest.destroy();
    }
    this.#unread.set(answer, nowMs);
    answer.once('close', () => this.#unread.delete(answer));
  }
}

async function betweenPages(): Promise<void> {
  for (let turn = 0; turn < turnsBetween; turn += 1) await nextTurn();
}
