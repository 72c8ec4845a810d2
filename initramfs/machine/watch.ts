// Watches a demonstration's machine: the waiting ends with its work, with the machine, with Ctrl-C or after a limit.
// While there is nothing else to tell, it tells the console's last line.
import { systemClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Vm } from './qemu.ts';

/** Tells something with the seconds since the start. */
export type Say = (text: string) => void;

export interface Watch {
  readonly vm: Pick<Vm, 'console' | 'ended' | 'lastLine'>;
  readonly work: Promise<unknown>;
  /** The work, as in "the machine has not …". */
  readonly until: string;
  /** Units: seconds. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** undefined: the whole console is shown already. */
  readonly tell: Say | undefined;
}

/** The pause after which a console's last line is told. */
const quietMs = 3000;

/** A `Say` that prints, and the time since it last did. */
export function narrator(): { readonly say: Say; quietForMs: () => number } {
  const started = systemClock.elapsedMs();
  let last = started;
  return {
    say: (text) => {
      last = systemClock.elapsedMs();
      console.log(`${((last - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
    },
    quietForMs: () => systemClock.elapsedMs() - last,
  };
}

/** Resolves with the work. Errors: those of the work; AppError `wait.timeout`; the reason of `signal`; an Error with the
 *  console's end if the machine ends first. */
export async function watch(
  { vm, work, until, limit, signal, tell }: Watch,
  quietForMs: () => number,
) {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  let told = '';
  const ticking = async (): Promise<void> => {
    const end = systemClock.elapsedMs() + limit * 1000;
    while (systemClock.elapsedMs() < end) {
      await systemClock.sleep(Math.min(500, limit * 1000), stop);
      const line = vm.lastLine;
      if (line === told || quietForMs() < quietMs) continue;
      told = line;
      tell?.(`console: ${line}`);
    }
    throw new AppError(
      'wait.timeout',
      `the machine has not ${until} within ${limit} s; run it again with --console to see all that it prints, ` +
        `or with a longer --timeout on a slow host; ${consoleEnd(vm)}`,
    );
  };
  const ended = vm.ended.then(() => {
    throw new Error(`the machine ended before it had ${until}; ${consoleEnd(vm)}`);
  });
  try {
    await Promise.race([work, ended, ticking()]);
  } finally {
    over.abort();
  }
}

function consoleEnd({ console: text }: Watch['vm']): string {
  if (text === '') return 'its serial console is empty';
  return `the end of its console:\n${text.slice(-2000)}`;
}

/** Rejects when `signal` fires. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
  });
}
