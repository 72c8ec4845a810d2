// Reads files in processes of their own, which are killed when a read hangs: nothing else ends a read that
// is stuck in the kernel. They start slowly, so only files that may hang are read this way.
import { posix } from 'node:path';
import { availableMemory } from 'node:process';
import type { Clock } from '../../core/clock.ts';
import { inTime } from '../../core/deadline.ts';
import { isAppError } from '../../core/errors.ts';
import { kernelText, type Range } from '../files.ts';
import { timeoutError } from '../read-error.ts';
import { isSmall, ReadingProcess } from './reading-process.ts';
import { bytesOf, parseNames, type Answer, type Request } from './reads.ts';

/** This many reads may hang, or wait for a hard disk, at once before others have to wait. */
const mostReaders = 4;
/** The memory to spare for each reader that is a Node: it takes 12 MB itself, and must not drive what the system reads from
 *  out of memory. */
const bytesToSpare = 256 * 1024 ** 2;

/** One reader where there is little memory, up to four where there is more. */
export function readersWithin(bytes: number): number {
  return Math.min(mostReaders, Math.max(1, Math.floor(bytes / bytesToSpare)));
}

/** A single hanging file says little about its directory; two reads say enough. Where this many places hang, one does. */
const maxHung = 2;
const manyPlaces = 4;

/** After so long a place that hung is tried again: its cable may be back, or its controller was reset. */
const forgottenAfterMs = 600_000;

/** The same readers as Files has, with a deadline for each read, which gets shorter as more places hang: 60 disks behind
 *  a dead controller leave a lone reader time for the one beside it.
 *  Errors: those of Files, and AppError `read.timeout`. */
export class IsolatedFiles {
  readonly #top: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #idle: ReadingProcess[] = [];
  readonly #waiting: ((reader: ReadingProcess) => void)[] = [];
  #readers = 0;
  readonly #maxReaders: number;
  readonly #disks: string;
  /** The last read of each directory or disk, and those of which reads hung. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #hung = new Map<string, { readonly reads: number; readonly sinceMs: number }>();

  constructor(
    top: string,
    timeoutMs: number,
    clock: Clock,
    maxReaders = isSmall(top) ? mostReaders : readersWithin(availableMemory()),
    disks = '/sys/block',
  ) {
    this.#top = top;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#maxReaders = maxReaders;
    this.#disks = disks;
  }

  async text(path: string): Promise<string | undefined> {
    return (await this.#ask({ method: 'text', path }))?.toString();
  }

  async bytes(path: string, range?: Range): Promise<Uint8Array | undefined> {
    const bytes = await this.#ask({ method: 'bytes', path, range });
    return bytes && new Uint8Array(bytes);
  }

  async list(path: string): Promise<readonly string[] | undefined> {
    const bytes = await this.#ask({ method: 'list', path });
    return bytes && parseNames(bytes.toString());
  }

  async link(path: string): Promise<string | undefined> {
    return (await this.#ask({ method: 'link', path }))?.toString();
  }

  /** Ends idle processes. The next read starts a new one. */
  endIdle(): void {
    for (const reader of this.#idle.splice(0)) {
      reader.kill();
      this.#readers -= 1;
    }
  }

  /** Allows one read per directory or disk at a time, so that a hanging disk does not occupy all readers. Once two reads
   *  there have hung, no other is tried: what they cost is the time of all that wait for a reader. */
  async #ask(request: Request): Promise<Buffer | undefined> {
    // No file has such a path.
    if (request.path.includes('\0')) return undefined;
    const place = this.#placeOf(request.path);
    const before = this.#turns.get(place);
    const turn = Promise.resolve(before).then(() => this.#askInTurn(request, place));
    this.#turns.set(
      place,
      turn.catch(() => {}),
    );
    return bytesOf(await turn, request.path);
  }

  async #askInTurn(request: Request, place: string): Promise<Answer> {
    const reader = await this.#take();
    if (this.#isHung(place)) {
      this.#give(reader);
      throw timeoutError(request.path, this.#timeoutMs);
    }
    try {
      await reader.ready;
      const shares = 1 + this.#hung.size / (2 * this.#maxReaders);
      const limitMs = Math.ceil(this.#timeoutMs / shares);
      const answer = await inTime(reader.ask(request), this.#clock, limitMs, () =>
        timeoutError(request.path, limitMs),
      );
      this.#give(reader);
      return answer;
    } catch (err) {
      if (isAppError(err, 'read.timeout')) this.#noteHung(place);
      reader.kill();
      this.#readers -= 1;
      if (this.#waiting.length > 0) this.#give(this.#start());
      throw err;
    }
  }

  #isHung(place: string): boolean {
    this.#forgetHung();
    const reads = this.#hung.get(place)?.reads ?? 0;
    return reads >= (this.#hung.size < manyPlaces ? maxHung : 1);
  }

  /** All of them, not only what is asked for: disks that were pulled would shorten the reads of others for ever. */
  #forgetHung(): void {
    const nowMs = this.#clock.elapsedMs();
    for (const [place, { sinceMs }] of this.#hung) {
      if (nowMs - sinceMs >= forgottenAfterMs) this.#hung.delete(place);
    }
  }

  #noteHung(place: string): void {
    const reads = (this.#hung.get(place)?.reads ?? 0) + 1;
    this.#hung.set(place, { reads, sinceMs: this.#clock.elapsedMs() });
  }

  /** The unit that hangs as one: a directory, but in /dev each disk, with all its partitions, until another one has its
   *  name. Source: /sys/block/<dev>/diskseq (kernel Documentation/ABI/testing/sysfs-block). */
  #placeOf(path: string): string {
    if (!path.startsWith('/dev/')) return posix.dirname(path);
    const disk = path.replace(partition, '');
    const name = disk.slice('/dev/'.length).replaceAll('/', '!');
    return `${disk} ${kernelText(`${this.#disks}/${name}/diskseq`) ?? ''}`;
  }

  #take(): Promise<ReadingProcess> | ReadingProcess {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#readers < this.#maxReaders) return this.#start();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(reader: ReadingProcess): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(reader);
    else next(reader);
  }

  #start(): ReadingProcess {
    this.#readers += 1;
    return new ReadingProcess(this.#top);
  }
}

/** The end of a partition's name: "3" of "sda3", "p2" of "nvme0n1p2". */
const partition = /(?<=\/(?:sd|hd|vd|xvd)[a-z]+)\d+$|(?<=\d)p\d+$/;
