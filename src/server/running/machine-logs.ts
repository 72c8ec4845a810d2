// The logs of machines: append-only, bounded by age, by machine and as a whole. A line that is sent again is kept once,
// whichever server of the store it was sent to before.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { Lanes } from '../../core/lanes.ts';
import type { LogsRequest, MachineLogs as Answer } from '../../model/api/logs.ts';
import {
  logPieceName,
  logPrefix,
  type LogLine,
  type LogPiece,
} from '../../model/documents/machine-log.ts';
import type { Store } from '../../store/store.ts';

/** The oldest lines beyond any of them are dropped. */
export interface LogPolicy {
  readonly days: number;
  /** The share of one machine. */
  readonly kibibytes: number;
  /** All machines together. */
  readonly mebibytes: number;
}

export const defaultLogs: LogPolicy = { days: 14, kibibytes: 512, mebibytes: 256 };

/** The machines whose pieces are remembered. */
const mostRemembered = 10_000;
/** The size of a line beside its text. Units: characters. */
const lineChars = 64;
/** A full store of logs is tried again after this time. */
const fullRetrySeconds = 600;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The pieces of one machine. */
interface Known {
  /** By name, the oldest first. */
  readonly pieces: Map<string, { readonly chars: number; readonly stream: string }>;
  chars: number;
  /** By boot and stream, those alone of which there are pieces: the number of pieces, and that of the next line. */
  readonly streams: Map<string, { pieces: number; next: number }>;
}

export interface LogServices {
  readonly store: Pick<Store, 'logs'>;
  readonly clock: Clock;
  readonly newId: () => string;
}

export class MachineLogs {
  readonly #s: LogServices;
  readonly #policy: LogPolicy;
  readonly #lanes = new Lanes();
  readonly #known = new Map<string, Known>();
  /** The size of all logs: counted by the last `prune`, and what this server has written since. */
  #chars = 0;

  constructor(services: LogServices, policy: LogPolicy) {
    this.#s = services;
    this.#policy = policy;
  }

  /** Keeps the lines that are new. Errors: AppError `server.limited` where there is no more room for logs; `store.*`. */
  append(request: LogsRequest): Promise<void> {
    const id = request.machine_id.toLowerCase();
    return this.#lanes.run(id, () => this.#append(id, request));
  }

  async #append(id: string, { boot_id, stream, first, lines }: LogsRequest): Promise<void> {
    if (this.#chars > this.#policy.mebibytes * 1024 * 1024) throw full();
    const known = await this.#refreshed(id);
    const { next = 0 } = known.streams.get(streamKey({ boot_id, stream })) ?? {};
    const fresh = lines.slice(Math.max(0, next - first));
    if (fresh.length === 0) return;
    const nowMs = this.#s.clock.now().getTime();
    const piece: LogPiece = {
      id: this.#s.newId(),
      machine_id: id,
      boot_id,
      stream,
      first: first + lines.length - fresh.length,
      lines: fresh.map(({ age_ms, ...line }) => ({
        at: new Date(nowMs - Math.min(age_ms, dayMs * this.#policy.days)).toISOString(),
        source: line.source,
        ...(line.level === undefined ? {} : { level: line.level }),
        // It may be printed on a terminal, which it must not change.
        text: line.text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' '),
      })),
    };
    await this.#s.store.logs.put(piece, 'absent');
    this.#note(known, piece);
    this.#chars += charsOf(piece);
    await this.#shorten(known);
  }

  /** The pieces of a machine, with those that another server has written meanwhile. Errors: those of the
   *  store. */
  async #refreshed(id: string): Promise<Known> {
    const known: Known = this.#known.get(id) ?? {
      pieces: new Map(),
      chars: 0,
      streams: new Map(),
    };
    this.#known.delete(id);
    this.#known.set(id, known);
    if (this.#known.size > mostRemembered) this.#known.delete([...this.#known.keys()][0] ?? '');
    for await (const piece of piecesAfter(this.#s.store, id, [...known.pieces.keys()].at(-1))) {
      this.#note(known, piece);
    }
    return known;
  }

  #note(known: Known, piece: LogPiece): void {
    const name = logPieceName(piece);
    if (known.pieces.has(name)) return;
    const chars = charsOf(piece);
    const stream = streamKey(piece);
    known.pieces.set(name, { chars, stream });
    known.chars += chars;
    const { pieces, next } = known.streams.get(stream) ?? { pieces: 0, next: 0 };
    const end = piece.first + piece.lines.length;
    known.streams.set(stream, { pieces: pieces + 1, next: Math.max(next, end) });
  }

  async #shorten(known: Known): Promise<void> {
    for (const [name, { chars, stream }] of known.pieces) {
      if (known.chars <= this.#policy.kibibytes * 1024 || known.pieces.size === 1) return;
      await this.#s.store.logs.delete(name);
      known.pieces.delete(name);
      known.chars -= chars;
      this.#chars -= chars;
      const left = known.streams.get(stream);
      if (left !== undefined && (left.pieces -= 1) === 0) known.streams.delete(stream);
    }
  }

  /** Drops what is too old, and of all machines the oldest beyond what all may take. Returns the number of pieces.
   *  Errors: those of the store. */
  async prune(now: Date): Promise<number> {
    const { store } = this.#s;
    const byHour = new Map<number, number>();
    let total = 0;
    for await (const { value } of store.logs.all()) {
      const hour = Math.floor(arrivedMs(value) / hourMs);
      byHour.set(hour, (byHour.get(hour) ?? 0) + charsOf(value));
      total += charsOf(value);
    }
    let oldestHour = Math.floor((now.getTime() - this.#policy.days * dayMs) / hourMs);
    // So that there is room until the next time.
    const mostChars = this.#policy.mebibytes * 1024 * 1024 * 0.8;
    for (const [hour, chars] of [...byHour].toSorted(([a], [b]) => a - b)) {
      if (hour >= oldestHour && total <= mostChars) break;
      total -= chars;
      oldestHour = Math.max(oldestHour, hour + 1);
    }
    let dropped = 0;
    for await (const { value } of store.logs.all()) {
      if (arrivedMs(value) >= oldestHour * hourMs) continue;
      await store.logs.delete(logPieceName(value));
      dropped += 1;
    }
    this.#chars = total;
    this.#known.clear();
    return dropped;
  }
}

/** The lines of a machine after a cursor. Errors: those of the store. */
export async function readLogs(
  store: Pick<Store, 'logs'>,
  machineId: string,
  { cursor, limit = 1000, last }: { cursor?: string; limit?: number; last?: number },
): Promise<Answer> {
  const lines: LogLine[] = [];
  let next = cursor;
  const after = cursor === undefined ? undefined : logPrefix(machineId) + cursor.toLowerCase();
  const isLast = last !== undefined && cursor === undefined;
  for await (const piece of piecesAfter(store, machineId, after)) {
    lines.push(...piece.lines);
    next = piece.id;
    if (!isLast && lines.length >= limit) break;
  }
  const shown = isLast ? lines.slice(Math.max(0, lines.length - last)) : lines;
  return { lines: shown, next: next ?? null };
}

/** Forgets the log of a machine that is no more. Errors: those of the store. */
export async function deleteLogs(store: Pick<Store, 'logs'>, machineId: string): Promise<void> {
  for await (const { value } of store.logs.all(logPrefix(machineId))) {
    await store.logs.delete(logPieceName(value));
  }
}

/** A machine's pieces, those alone whose name comes after one. */
async function* piecesAfter(
  store: Pick<Store, 'logs'>,
  machineId: string,
  after: string | undefined,
): AsyncGenerator<LogPiece> {
  const prefix = logPrefix(machineId);
  let cursor: string | undefined;
  do {
    const page = await store.logs.list({ prefix, from: after, cursor });
    for (const { value } of page.items) {
      if (after === undefined || logPieceName(value) > after) yield value;
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

function streamKey({ boot_id, stream }: Pick<LogPiece, 'boot_id' | 'stream'>): string {
  return `${boot_id} ${stream}`;
}

/** The size of lines as they are kept. Units: characters. */
function charsOf({ lines }: { readonly lines: readonly { text: string }[] }): number {
  return lines.reduce((sum, { text }) => sum + text.length + lineChars, 0);
}

/** The time in a UUIDv7. Source: RFC 9562 section 5.7. */
function arrivedMs({ id }: LogPiece): number {
  const ms = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return Number.isNaN(ms) ? 0 : ms;
}

function full(): AppError {
  return new AppError('server.limited', 'the logs of all machines take all the room they may', {
    details: { retry_after_seconds: fullRetrySeconds },
  });
}
