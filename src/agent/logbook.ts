// The machine's log on its way to the server: lines of the boot scripts, of the agent and of the workflow, without
// secrets and within bounds, sent soon, each once, and kept while the server is away.
import type { Clock } from '../core/clock.ts';
import { withoutLogSecrets } from '../core/text/credentials.ts';
import type { Log } from '../core/log.ts';
import { logText } from '../core/text/log-text.ts';
import { cut } from '../core/text/unicode.ts';
import type { LogsRequest } from '../model/api/logs.ts';
import type { LogLevel, LogSource } from '../model/documents/machine-log.ts';
import type { Root } from '../sources/root.ts';
import { classifyFailure } from '../transport/failure.ts';
import type { Transport } from '../transport/transport.ts';
import type { Boot } from './boot.ts';

/** Written by the scripts of the netboot image: "[UPTIME] TEXT". A first line "#N" says how many came before. */
const bootLog = '/run/dragonfly/boot.log';
const bootStream = 'boot';

/** The limits on what waits for the server; the oldest lines go first. */
const mostLines = 2_000;
const mostChars = 256 * 1024;
/** The most in one request. */
const requestLines = 200;
const requestChars = 32 * 1024;
const lineChars = 1_000;
/** The part of a line that is searched for secrets; twice the length would take four times as long. */
const searchedChars = 4 * lineChars;
/** Lines that come together are sent together. */
const gatherMs = 1_000;
const retryMs = 30_000;
const refusedMs = 600_000;

interface Line {
  readonly number: number;
  /** Since the boot. */
  readonly uptimeMs: number;
  readonly source: LogSource;
  readonly level?: LogLevel;
  readonly text: string;
}

/** The machine that the log is sent for. */
export interface Sender {
  readonly machineId: string;
  readonly token: string | undefined;
}

export interface LogbookOptions {
  readonly root: Root;
  readonly boot: Boot;
  readonly clock: Clock;
}

export class Logbook {
  readonly #o: LogbookOptions;
  /** One run of the agent numbers its own lines. */
  readonly #stream: string;
  #lines: Line[] = [];
  #chars = 0;
  #count = 0;
  #dropped = 0;
  /** Those of the boot's lines that the server has. */
  #bootCount = 0;
  #news = Promise.withResolvers<void>();
  #sender: Sender | undefined;
  /** If the server takes no logs, or none of this machine, it is not asked again before this time or a check-in. */
  #refusedUntilMs = 0;

  constructor(options: LogbookOptions) {
    this.#o = options;
    this.#stream = `agent-${Math.round(options.boot.uptimeMs())}`;
  }

  /** A log that writes into this one too, all but what is for debugging. */
  over(log: Log): Log {
    const both =
      (level: LogLevel) =>
      (fields: Record<string, unknown>, message: string): void => {
        log[level](fields, message);
        this.add('agent', logText(fields, message), level);
      };
    return {
      debug: (fields, message) => log.debug(fields, message),
      info: both('info'),
      warn: both('warn'),
      error: both('error'),
    };
  }

  add(source: LogSource, text: string, level?: LogLevel): void {
    const line = {
      number: this.#count,
      uptimeMs: this.#o.boot.uptimeMs(),
      source,
      ...(level === undefined ? {} : { level }),
      text: fit(text),
    };
    this.#count += 1;
    this.#lines.push(line);
    this.#chars += line.text.length;
    while (this.#lines.length > mostLines || this.#chars > mostChars) {
      this.#chars -= this.#lines.shift()?.text.length ?? 0;
      this.#dropped += 1;
    }
    this.#news.resolve();
  }

  /** The machine has checked in, or has been heard again: lines of the boot may have come too. */
  heard(sender: Sender, hasCheckedIn: boolean): void {
    this.#sender = sender;
    if (hasCheckedIn) this.#refusedUntilMs = 0;
    this.#news.resolve();
  }

  /** Sends lines as they come, until the signal aborts. */
  async run(transport: Pick<Transport, 'sendLogs'>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#o;
    signal.addEventListener('abort', () => this.#news.resolve(), { once: true });
    while (!signal.aborted) {
      await this.#news.promise;
      this.#news = Promise.withResolvers();
      await clock.sleep(gatherMs, signal).catch(() => {});
      if (signal.aborted || this.#sender === undefined) continue;
      if (clock.elapsedMs() < this.#refusedUntilMs) continue;
      try {
        await this.#sendAll(transport, this.#sender, signal);
      } catch (err) {
        await this.#afterFailure(err, signal);
      }
    }
  }

  async #afterFailure(cause: unknown, signal: AbortSignal): Promise<void> {
    const { kind, retryAfterMs } = classifyFailure(cause);
    if (kind !== 'network' && kind !== 'busy') {
      this.#refusedUntilMs = this.#o.clock.elapsedMs() + refusedMs;
      return;
    }
    await this.#o.clock.sleep(retryAfterMs ?? retryMs, signal).catch(() => {});
    this.#news.resolve();
  }

  /** Errors: those of the transport; what was not sent stays. */
  async #sendAll(
    transport: Pick<Transport, 'sendLogs'>,
    sender: Sender,
    signal: AbortSignal,
  ): Promise<void> {
    const send = async (stream: string, lines: readonly Line[]): Promise<void> => {
      const request = this.#request(sender.machineId, stream, lines);
      await transport.sendLogs(request, { signal, token: sender.token });
    };
    for (const lines of piecesOf(await this.#bootLines())) {
      await send(bootStream, lines);
      this.#bootCount = (lines.at(-1)?.number ?? 0) + 1;
    }
    for (const lines of piecesOf([...this.#missing(), ...this.#lines])) {
      await send(this.#stream, lines);
      this.#dropped = 0;
      const sent = (lines.at(-1)?.number ?? 0) + 1;
      this.#lines = this.#lines.filter(({ number }) => number >= sent);
    }
    this.#chars = this.#lines.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** In the place of lines that were dropped, one that says so. */
  #missing(): Line[] {
    const [next] = this.#lines;
    if (this.#dropped === 0 || next === undefined) return [];
    const text = `${this.#dropped} lines are missing here: too many waited for the server`;
    return [{ ...next, number: next.number - 1, source: 'agent', level: 'warn', text }];
  }

  #request(machineId: string, stream: string, lines: readonly Line[]): LogsRequest {
    const nowMs = this.#o.boot.uptimeMs();
    return {
      machine_id: machineId,
      boot_id: this.#o.boot.id,
      stream,
      first: lines[0]?.number ?? 0,
      lines: lines.map(({ number: _number, uptimeMs, ...line }) => ({
        age_ms: Math.max(0, Math.round(nowMs - uptimeMs)),
        ...line,
      })),
    };
  }

  /** The lines of the boot that the server does not have. Source: /run/dragonfly/boot.log. */
  async #bootLines(): Promise<Line[]> {
    const text = await this.#o.root.text(bootLog).catch(() => undefined);
    if (text === undefined) return [];
    const [, before, rest = ''] = /^(?:#(\d{1,9})\n)?(.*)$/s.exec(text) ?? [];
    const first = Number(before ?? 0);
    const lines = rest.split('\n').slice(0, -1);
    return lines.flatMap((line, index) => {
      const number = first + index;
      const [, seconds = '0', said = line] = /^\[(\d+(?:\.\d+)?)\] (.*)$/.exec(line) ?? [];
      if (number < this.#bootCount) return [];
      return [{ number, uptimeMs: Number(seconds) * 1_000, source: 'boot', text: fit(said) }];
    });
  }
}

function fit(text: string): string {
  const line = text
    .slice(0, searchedChars)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
  return cut(withoutLogSecrets(line).toWellFormed(), lineChars);
}

/** Pieces of lines with consecutive numbers, each small enough for a request. */
function piecesOf(lines: readonly Line[]): Line[][] {
  const pieces: Line[][] = [];
  let chars = 0;
  for (const line of lines) {
    const piece = pieces.at(-1);
    chars += line.text.length;
    if (piece !== undefined && piece.length < requestLines && chars <= requestChars)
      piece.push(line);
    else {
      pieces.push([line]);
      chars = line.text.length;
    }
  }
  return pieces;
}
