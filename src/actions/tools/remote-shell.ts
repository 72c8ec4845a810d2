// Opens and shuts the remote shell of the netboot image: dropbear from the tools image, started by a script of the image.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { RemoteShell } from '../../model/remote-shell.ts';
import type { Root } from '../../sources/root.ts';
import { hostOf, type Host } from '../../sources/writing/host.ts';
import type { Ask } from '../image/fetching/answer.ts';
import { addTools } from './tools.ts';

const script = '/lib/dragonfly/remote-shell';
const port = 22;

export interface ShellPlace {
  readonly root: Root;
  readonly clock: Clock;
  readonly random: () => number;
  readonly ask: Ask;
  /** The addresses of the servers, the preferred one first. */
  readonly servers: readonly string[];
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
  /** The machine that `root` reads, unless a test has another. */
  readonly host?: Host;
}

/** Opens it to these keys, in place of all others; sessions that there are end.
 *  Errors: AppError as addTools, and `exec.failed`. */
export async function openShell(keys: readonly string[], place: ShellPlace): Promise<RemoteShell> {
  const host = hostIn(place);
  await addTools(place.servers, { ...place, host, progress: () => {} });
  const input = keys.map((key) => `${key}\n`).join('');
  const printed = await host.run(script, ['open'], { signal: place.signal, input });
  const [host_key] = /^ssh-ed25519 [A-Za-z0-9+/]{68}/m.exec(printed) ?? [];
  if (host_key !== undefined) return { host_key, port };
  throw new AppError('exec.failed', `${script} open has printed no host key`);
}

/** Shuts it and ends its sessions. Errors: AppError `exec.failed`. */
export async function shutShell(place: ShellPlace): Promise<void> {
  await hostIn(place).run(script, ['shut'], { signal: place.signal });
}

function hostIn({ root, clock, host }: ShellPlace): Host {
  return host ?? hostOf(root, clock);
}
