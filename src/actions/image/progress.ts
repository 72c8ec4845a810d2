// The progress of an image, told about once a second.
import type { Clock } from '../../core/clock.ts';
import type { Progress } from '../action.ts';

const intervalMs = 1_000;
/** The transfer's share of the whole; the rest is reading back. */
const transferPercent = 90;

export class ImageProgress {
  readonly #clock: Clock;
  readonly #tell: (progress: Progress) => void;
  readonly #startMs: number;
  #toldMs = -Infinity;

  constructor(clock: Clock, tell: (progress: Progress) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#startMs = clock.elapsedMs();
  }

  /** `total` is not always known. */
  transferred(done: number, total: number | undefined, writtenBytes: number): void {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - this.#toldMs < intervalMs) return;
    this.#toldMs = nowMs;
    const message = `${mebibytes(done)} read, ${mebibytes(writtenBytes)} written`;
    if (total === undefined || total === 0) {
      this.#tell({ message, bytes_transferred: done });
      return;
    }
    const leftSeconds = ((nowMs - this.#startMs) / 1_000 / Math.max(1, done)) * (total - done);
    this.#tell({
      message,
      percent: Math.floor((done / total) * transferPercent),
      bytes_transferred: done,
      bytes_total: total,
      eta_secs: Math.ceil(leftSeconds),
    });
  }

  compared(done: number, total: number): void {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - this.#toldMs < intervalMs) return;
    this.#toldMs = nowMs;
    const rest = (99 - transferPercent) * (done / total);
    this.#tell({
      message: `${mebibytes(done)} of ${mebibytes(total)} read back`,
      percent: Math.floor(transferPercent + rest),
    });
  }
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
