// Everything that the server opens for machines that boot, beside its own listener: --boot-listen and --netboot.
import { resolve as absolutePath } from 'node:path';
import { systemClock } from '../../../core/clock.ts';
import { AppError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import { isLoopback } from '../../../server/http/connections.ts';
import type { App } from '../../../server/services.ts';
import type { Store } from '../../../store/store.ts';
import { isForAll, listenForBootsOn, parseListen } from './listen.ts';
import type { NetbootSetting } from './netboot.ts';
import type { ServerConfiguration } from '../settings/server-settings.ts';

type Values = ServerConfiguration['values'];

export interface Boots {
  /** A line for each, for those who started the server. */
  readonly says: readonly string[];
  /** Takes no more requests, and waits for the answers to those that came. */
  close(): Promise<void>;
  /** Ends those answers as well. */
  cut(): void;
}

export interface BootsOptions {
  readonly app: App;
  readonly values: Values;
  /** The address of the server's own listener. */
  readonly url: string;
  readonly store: Store;
  readonly log: Log;
}

/** Refuses to send machines to a server that they cannot reach. Errors: AppError `config.invalid`. */
export function refuseUnreachable({ listen, boot_listen, public_url }: Values): void {
  if (boot_listen === undefined || public_url !== undefined) return;
  const { host } = parseListen(boot_listen, '--boot-listen');
  if (isLoopback(host) || !isLoopback(parseListen(listen).host)) return;
  throw new AppError(
    'config.invalid',
    `machines that boot from --boot-listen could not reach their server: --listen ${listen} is for this host alone. ` +
      'Listen on an address that they reach, or name it with --public-url',
  );
}

/** Errors: AppError `config.invalid`; nothing stays open then. */
export async function openForBoots(options: BootsOptions): Promise<Boots> {
  const { app, values, url } = options;
  const stop = new AbortController();
  const place =
    values.boot_listen === undefined ? undefined : parseListen(values.boot_listen, '--boot-listen');
  const listener =
    place === undefined
      ? undefined
      : await listenForBootsOn(app, place, values.connections_per_address);
  const says: string[] = [];
  const boots: Boots = {
    says,
    close: async () => {
      stop.abort();
      await listener?.close();
    },
    cut: () => listener?.cut(),
  };
  const plain = [
    ...(place === undefined || listener === undefined ? [] : [plainAt(place.host, listener.url)]),
    ...(url.startsWith('https:') ? [] : [plainAt(parseListen(values.listen).host, url)]),
  ];
  if (place !== undefined && listener !== undefined) {
    says.push(`Machines boot from ${listener.url}${others(place.host)}`);
  }
  try {
    const urls = await netbootUrls(options, plain, stop.signal);
    says.push(...urls.map((told) => `Machines are told to boot from ${told}`));
  } catch (err) {
    boots.cut();
    await boots.close();
    throw err;
  }
  return boots;
}

/** Serves the networks on which machines are told what to boot, and returns the addresses that they are given. */
async function netbootUrls(
  { values, store, log }: BootsOptions,
  plain: NetbootSetting['plain'],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { netboot, boot_dir: dir } = values;
  if (netboot === undefined) return [];
  const { startNetboot } = await import('./netboot.ts');
  const bootDir = dir && absolutePath(dir);
  return startNetboot({ netboot, bootDir, plain, store, clock: systemClock, log, signal });
}

/** A listener without TLS. The scheme's own port is left out of addresses. */
function plainAt(host: string, url: string): NetbootSetting['plain'][number] {
  return { host, port: Number(new URL(url).port || 80) };
}

/** Names the addresses that stand for all of them. */
export function others(host: string): string {
  return isForAll(host) ? ' and on all other addresses of this host' : '';
}
