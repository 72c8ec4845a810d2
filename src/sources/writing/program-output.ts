// Keeps what a program prints: its standard output, within reason, and the last lines of both streams.
import { withoutCredentials } from '../../core/text/shown-url.ts';

/** The end of the output that a failure carries. */
const keptLines = 20;
const maxLineLength = 500;
/** The length kept of a line until it ends: no cut falls into a password of the part that is shown. */
const maxPartialLength = 64 * maxLineLength;
const maxOutputBytes = 4 * 1024 * 1024;

export class ProgramOutput {
  readonly #onLine: (line: string) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #lines: string[] = [];
  readonly #partial = { stdout: '', stderr: '' };

  constructor(onLine: (line: string) => void = () => {}) {
    this.#onLine = onLine;
  }

  /** The standard output. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  get lastLines(): readonly string[] {
    return this.#lines;
  }

  add(chunk: Buffer, pipe: 'stdout' | 'stderr'): void {
    if (pipe === 'stdout' && this.#bytes < maxOutputBytes) {
      this.#bytes += chunk.length;
      this.#chunks.push(chunk);
    }
    // A progress bar writes each of its states over the last one.
    const lines = (this.#partial[pipe] + chunk.toString('utf8')).split(/[\r\n]+/);
    this.#partial[pipe] = (lines.pop() ?? '').slice(0, maxPartialLength);
    for (const line of lines) this.#print(line);
  }

  /** Takes what stands on lines without an end. */
  flush(): void {
    for (const pipe of ['stdout', 'stderr'] as const) {
      this.#print(this.#partial[pipe]);
      this.#partial[pipe] = '';
    }
  }

  #print(line: string): void {
    // Control characters of other programs must not reach a terminal, nor passwords anybody: of a mirror's URL, say.
    const shown = withoutCredentials(line).slice(0, maxLineLength);
    const clean = shown.replaceAll(/\p{Cc}+/gu, ' ');
    if (clean.trim() === '') return;
    this.#lines.push(clean);
    if (this.#lines.length > keptLines) this.#lines.shift();
    this.#onLine(clean);
  }
}
