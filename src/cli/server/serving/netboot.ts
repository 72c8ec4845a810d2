// The --netboot option: the networks on which machines are told what to boot, and the addresses that they are given.
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../../core/clock.ts';
import { AppError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import type { BootChoices } from '../../../server/machines/boot-settings.ts';
import type { Store } from '../../../store/store.ts';
import { isForAll } from './listen.ts';

/** The value that stands for the one network of this host. */
export const onlyNetwork = 'auto';

/** Throws a sentence that says what the value must be. */
export function parseNetboot(text: string): string {
  const isOne = (address: string): boolean => isIPv4(address) && address !== '0.0.0.0';
  const addresses = text.split(',');
  if (new Set(addresses).size < addresses.length) {
    throw new Error('it names an address twice');
  }
  if (text === onlyNetwork || addresses.every(isOne)) return text;
  throw new Error("it must be this host's IPv4 address on a network, several with commas, or auto");
}

export interface NetbootSetting {
  /** As `parseNetboot` gives it. */
  readonly netboot: string;
  readonly bootDir: string | undefined;
  /** The listeners of this server that speak HTTP without TLS. */
  readonly plain: readonly { readonly host: string; readonly port: number }[];
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Serves every network that the setting names, and gives the address that machines on each are sent to.
 *  Errors: AppError `config.invalid`. */
export async function startNetboot(setting: NetbootSetting): Promise<string[]> {
  const { bootDir, plain, store, clock, log, signal } = setting;
  if (bootDir === undefined) {
    throw new AppError(
      'config.invalid',
      '--netboot has nothing to give out: set --boot-dir as well',
    );
  }
  const [
    { serveNetboot },
    { startScript },
    { BootDir },
    { loaderFiles },
    { limitedLog },
    { ownAnswer },
  ] = await Promise.all([
    import('../../../netboot/netboot.ts'),
    import('../../../netboot/boot-script.ts'),
    import('../../../server/http/boot/boot-dir.ts'),
    import('../../../netboot/dhcp/clients.ts'),
    import('../../../netboot/limited-log.ts'),
    import('./own-answer.ts'),
  ]);
  const boot = await BootDir.at(bootDir, clock);
  if (boot.loaders.size === 0) {
    log.warn(
      { boot_dir: bootDir, loaders: loaderFiles },
      'there is no loader in the boot directory: only machines that have iPXE themselves can boot',
    );
  }
  const choicesFor = readChoices(store, limitedLog(log, clock));
  const urls: string[] = [];
  for (const address of addressesOf(setting.netboot)) {
    const url = urlAt(address, plain);
    await serveNetboot({
      address,
      filesUrl: `${url}/boot`,
      has: (file) => boot.has(file),
      open: (name) => boot.open(name),
      startScript: async () => startScript(url, (await choicesFor(undefined)).giveUpSeconds),
      grubScript: (mac) =>
        ownAnswer(
          mac === undefined
            ? `${url}/boot/grub.cfg`
            : `${url}/boot/grub.cfg?mac=${encodeURIComponent(mac)}`,
          signal,
        ),
      loaderFor: async (mac) => (await choicesFor(mac)).loader,
      clock,
      log,
      signal,
    });
    urls.push(url);
  }
  return urls;
}

/** Reads the operators' choices for the machine with a MAC. Where the store is away they are the usual ones: a loader
 *  that waits for the server is worth more than no answer. */
export function readChoices(
  store: Store,
  log: Log,
): (mac: string | undefined) => Promise<BootChoices> {
  return async (mac) => {
    const [{ bootChoices, usualChoices }, { machineWithPort }] = await Promise.all([
      import('../../../server/machines/boot-settings.ts'),
      import('../../../server/machines/boot-plan.ts'),
    ]);
    try {
      return await bootChoices(
        store,
        mac === undefined ? undefined : await machineWithPort(store, mac),
      );
    } catch (err) {
      log.warn({ err, mac }, 'the settings for booting cannot be read; the usual ones are taken');
      return usualChoices;
    }
  };
}

function addressesOf(setting: string): string[] {
  if (setting !== onlyNetwork) return setting.split(',');
  const own = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(
      ({ family, internal, address }) =>
        family === 'IPv4' && !internal && !address.startsWith('169.254.'),
    )
    .map(({ address }) => address);
  if (own.length === 1) return own;
  const why =
    own.length === 0
      ? 'no port of this host has a link and an IPv4 address. Plug in its cable and give it one, or name the address that it has without a link'
      : `this host has these IPv4 addresses: ${own.join(', ')}. Name one`;
  throw new AppError(
    'config.invalid',
    `--netboot cannot tell on which network machines boot: ${why}: --netboot ADDRESS`,
  );
}

/** The URL at which machines reach this server by the address. Errors: AppError `config.invalid`. */
function urlAt(address: string, plain: NetbootSetting['plain']): string {
  const listener = plain.find(({ host }) => isForAll(host) || host === address);
  if (listener !== undefined) return `http://${address}:${listener.port}`;
  throw new AppError(
    'config.invalid',
    `machines that --netboot tells to boot would not reach this server: iPXE needs HTTP without TLS on ${address}. ` +
      `Set --boot-listen ${address}:8080, or --listen without TLS`,
  );
}
