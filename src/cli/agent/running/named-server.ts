// The wait for a server's address, of an agent that has a supervisor to bring it: the next lease may name one.
import { requireServers, type Configuration } from '../../../agent/settings/config.ts';
import type { Clock } from '../../../core/clock.ts';
import { describeError } from '../../../core/errors.ts';

const everyMs = 5_000;

/** The settings once they name a server, or as they are when the signal is aborted. `tell` hears why there is none,
 *  whenever that changes. Errors: as `read`. */
export async function namedServer(
  read: () => Promise<Configuration>,
  tell: (why: string) => void,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Configuration> {
  for (let told = ''; ;) {
    const configuration = await read();
    const why = whyNone(configuration);
    if (why === undefined || signal.aborted) return configuration;
    if (why !== told) tell(why);
    told = why;
    await clock.sleep(everyMs, signal).catch(() => {});
  }
}

function whyNone(configuration: Configuration): string | undefined {
  try {
    requireServers(configuration);
    return undefined;
  } catch (err) {
    return describeError(err);
  }
}
