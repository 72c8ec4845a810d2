// The machine as its status screen shows it: a few files of the kernel, read anew each time, and no probes.
import type { Root } from '../../../sources/root.ts';
import { dropPlaceholder } from '../../../identity/placeholder-text.ts';

export interface ScreenMachine {
  /** "Dell PowerEdge R650, serial ABC1234" */
  readonly name: string;
  /** "eth0 3c:ec:ef:07:14:50 link, 10000 Mbit/s" */
  readonly ports: readonly string[];
  /** The last lines of the boot, without their times. */
  readonly said: readonly string[];
  /** The fingerprint of the remote shell's host key; undefined: it is not open. */
  readonly shell?: string | undefined;
}

/** Source: /sys/class/dmi/id, /sys/class/net, /run/dragonfly. */
export async function readScreenMachine(root: Root): Promise<ScreenMachine> {
  const [name, ports, log, shell] = await Promise.all([
    nameOf(root),
    portsOf(root),
    textOf(root, '/run/dragonfly/boot.log'),
    textOf(root, '/run/dragonfly/ssh/fingerprint'),
  ]);
  const said = (log ?? '').split('\n').flatMap((line) => /^\[\S+\] (.+)/.exec(line)?.[1] ?? []);
  return { name, ports, said: said.slice(-4), shell };
}

async function nameOf(root: Root): Promise<string> {
  const names = ['sys_vendor', 'product_name', 'product_serial'];
  const [vendor, product, serial] = await Promise.all(
    names.map(async (name) => dropPlaceholder(await textOf(root, `/sys/class/dmi/id/${name}`))),
  );
  const model = [vendor, product].filter(Boolean).join(' ') || 'without a name';
  return `${model}, ${serial ? `serial ${serial}` : 'without a serial number'}`;
}

/** Those that are devices, not bridges and the like. */
async function portsOf(root: Root): Promise<string[]> {
  const names = (await root.list('/sys/class/net').catch(() => undefined)) ?? [];
  const lines = await Promise.all(names.map((name) => portLine(root, name)));
  return lines.filter((line) => line !== undefined);
}

async function portLine(root: Root, name: string): Promise<string | undefined> {
  const at = (file: string) => textOf(root, `/sys/class/net/${name}/${file}`);
  const device = await root.list(`/sys/class/net/${name}/device`).catch(() => undefined);
  if (device === undefined) return undefined;
  // Both are refused while the port is off.
  const [mac, carrier, speed] = await Promise.all([at('address'), at('carrier'), at('speed')]);
  if (carrier !== '1') return `${name} ${mac ?? ''} no link`;
  return `${name} ${mac ?? ''} link${Number(speed) > 0 ? `, ${speed} Mbit/s` : ''}`;
}

async function textOf(root: Root, path: string): Promise<string | undefined> {
  return (await root.text(path).catch(() => undefined))?.trim();
}
