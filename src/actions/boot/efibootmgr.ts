// Reads the output of efibootmgr: the boot entries of the firmware and their order. Pure but for asking.
import type { Host, RunOptions } from '../../sources/writing/host.ts';

export interface BootEntry {
  /** Four hexadecimal digits. */
  readonly number: string;
  readonly label: string;
  /** The device path, as text. */
  readonly path: string;
  /** The UUID of the loader's partition, lower case. */
  readonly partitionUuid: string | undefined;
  /** The MAC of the port to boot from, lower case with colons. */
  readonly mac: string | undefined;
  readonly isNetwork: boolean;
  /** Firmware passes over those that are not. */
  readonly isActive: boolean;
}

export interface BootVariables {
  readonly current: string | undefined;
  readonly order: readonly string[];
  readonly entries: readonly BootEntry[];
}

/** Errors: AppError `exec.*`. */
export async function readBootVariables(host: Host, options: RunOptions): Promise<BootVariables> {
  return parseBootVariables(await host.run('efibootmgr', ['--verbose'], options));
}

/** Source: efibootmgr(8); device paths as text: UEFI specification 2.10, 10.6. */
export function parseBootVariables(text: string): BootVariables {
  const line = (name: string): string | undefined =>
    new RegExp(`^${name}: *(.*)$`, 'm').exec(text)?.[1]?.trim();
  return {
    current: line('BootCurrent'),
    order: (line('BootOrder') ?? '').split(',').filter((number) => number !== ''),
    entries: text.split('\n').flatMap((entry) => parseEntry(entry) ?? []),
  };
}

/** "Boot0001* label<tab>path"; older versions print blanks for the tab. */
function parseEntry(line: string): BootEntry | undefined {
  const [, number, mark, rest] = /^Boot([0-9A-F]{4})([* ]) ?(.*)$/.exec(line) ?? [];
  if (number === undefined || rest === undefined) return undefined;
  const [label = '', path = ''] = rest.includes('\t') ? rest.split('\t') : splitAtPath(rest);
  const [, uuid] = /HD\(\d+,GPT,([0-9a-f-]{36})/i.exec(path) ?? [];
  const [, mac] = /MAC\(([0-9a-f]{12})/i.exec(path) ?? [];
  return {
    number,
    label: label.trim(),
    path,
    partitionUuid: uuid?.toLowerCase(),
    mac: mac?.toLowerCase().replaceAll(/(..)(?!$)/g, '$1:'),
    isNetwork: /\b(MAC|IPv4|IPv6|Uri)\(/i.test(path),
    isActive: mark === '*',
  };
}

function splitAtPath(text: string): [string, string] {
  const at = text.search(/\b(HD|PciRoot|Fv|VenHw|VenMsg|BBS|Acpi|MemoryMapped)\(/);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}
