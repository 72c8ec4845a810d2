// The kernel command line: the settings that a network boot passes on, and the port it booted from.
import { normalizeBootMac } from '../identity/macs.ts';
import type { Sourced } from '../model/inventory.ts';
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';

const path = '/proc/cmdline';

/** The port that the firmware booted from; null if the boot loader did not pass it on.
 *  Source: /proc/cmdline. */
export const bootPortProbe: Probe<'bootPort'> = {
  name: 'bootPort',
  async read(root, report) {
    const parameters = await readKernelParameters(new Reading(root, 'bootPort', report));
    return parameters && bootPort(parameters);
  },
};

/** The parameters by name; undefined if the command line cannot be read. */
export async function readKernelParameters(
  read: Reading,
): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await read.text(path);
  return text === undefined ? undefined : parseKernelCommandLine(text);
}

/** The MAC from `dragonfly.mac=`, else from PXELINUX's `BOOTIF=01-aa-bb-…`, with the parameter's name. Junk
 *  is no problem, because nobody on this machine can fix a boot loader.
 *  Source: syslinux documentation, SYSAPPEND 2. */
export function bootPort(parameters: ReadonlyMap<string, string>): Sourced<string> | null {
  for (const source of ['dragonfly.mac', 'BOOTIF']) {
    const value = normalizeBootMac(parameters.get(source) ?? '');
    if (value !== undefined) return { value, source };
  }
  return null;
}

/** The words of a command line: double quotes protect blanks. */
export const parameterWords = /(?:"[^"]*"|[^\s"])+/g;

/** The parameters by name. The last one of a name wins, as in the kernel.
 *  Source: kernel Documentation/admin-guide/kernel-parameters.rst. */
export function parseKernelCommandLine(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [word] of text.matchAll(parameterWords)) {
    const plain = word.replaceAll('"', '');
    const equals = plain.indexOf('=');
    if (equals > 0) parameters.set(plain.slice(0, equals), plain.slice(equals + 1));
  }
  return parameters;
}
