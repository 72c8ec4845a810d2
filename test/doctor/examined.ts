// A host of files that the doctor examines.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { examineHost } from '../../src/doctor/doctor.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { openRoot } from '../../src/sources/open.ts';

export let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-doctor-'));
});

afterEach(() => {
  rmSync(top, { recursive: true });
});

export function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
}

export function link(path: string, target: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  symlinkSync(target, join(top, path));
}

/** A PCI function; a driver only if one is named. */
export function pci(address: string, deviceClass: string, id: string, driver?: string): void {
  const [vendor, device] = id.split(':');
  const dir = `sys/devices/pci0000:00/${address}`;
  put({
    [`${dir}/class`]: `0x${deviceClass}\n`,
    [`${dir}/vendor`]: `0x${vendor}\n`,
    [`${dir}/device`]: `0x${device}\n`,
    [`${dir}/modalias`]: `pci:v0000${vendor?.toUpperCase()}d0000${device?.toUpperCase()}sv00008086sd00000001bc02sc00i00\n`,
  });
  if (driver !== undefined) link(`${dir}/driver`, `../../../bus/pci/drivers/${driver}`);
  link(`sys/bus/pci/devices/${address}`, `../../../devices/pci0000:00/${address}`);
}

export async function examine(): Promise<Finding[]> {
  return (await examineHost(await openRoot(top))).findings;
}

/** The findings of one check as "verdict: message -> next". */
export async function findings(check: string): Promise<string[]> {
  return (await examine())
    .filter((finding) => finding.check === check)
    .map(
      ({ verdict, message, next }) => `${verdict}: ${message}${next === null ? '' : ` -> ${next}`}`,
    );
}
