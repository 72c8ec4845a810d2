// Both decoders on the same firmware: our own on the raw tables of the corpus, and the parser of
// dmidecode's text on what dmidecode prints for them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeTables } from '../../../src/probes/smbios/decode.ts';
import { parseDmidecode } from '../../../src/probes/smbios/dmidecode-text.ts';
import { parseEntryPoint } from '../../../src/probes/smbios/entry-point.ts';
import type { SmbiosTables } from '../../../src/probes/smbios/tables.ts';
import { hasCorpus, loadMachines } from '../corpus.ts';
import { concat, dword, qword } from './smbios-table.ts';

const missing = hasCorpus ? missingTool() : '../shared/corpus is not there';

function missingTool(): string | undefined {
  try {
    execFileSync('dmidecode', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'there is no dmidecode';
  }
}

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-dmi-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** dmidecode's output for a table, given as a dump of memory: entry point, then table. */
function printed(entry: Uint8Array, table: Uint8Array): string {
  const file = join(dir, 'dump');
  writeFileSync(file, concat([relocated(entry), table]));
  return execFileSync('dmidecode', ['--from-dump', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** The entry point of a table that follows it at byte 32, with its checksums made good again. */
function relocated(entry: Uint8Array): Uint8Array {
  const moved = new Uint8Array(32);
  moved.set(entry);
  const checksum = (at: number, from: number, length: number): void => {
    moved[at] = 0;
    moved[at] = -moved.subarray(from, from + length).reduce((sum, byte) => sum + byte, 0) & 0xff;
  };
  if (moved[3] === 0x33) {
    moved.set(qword(32n), 0x10);
    checksum(5, 0, moved[6] ?? 0);
  } else {
    moved.set(dword(32), 0x18);
    checksum(0x15, 0x10, 15);
    checksum(4, 0, moved[5] ?? 0);
  }
  return moved;
}

/** dmidecode says in words what stands for no UUID. */
const noUuid = new Map([
  ['not present', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ['not settable', '00000000-0000-0000-0000-000000000000'],
]);

/** The fields that both decoders give in the same words. */
function comparable({
  system,
  boards,
  memoryDevices,
  memoryArrays,
  processors,
  ...rest
}: SmbiosTables): unknown {
  const words = (text: string | null): string | null =>
    text?.replaceAll(/\s+/g, ' ').trim() ?? null;
  return {
    version: rest.version,
    system: system && [system.vendor, system.product, system.serial].map(words),
    uuid: noUuid.get(system?.uuid ?? '') ?? system?.uuid,
    board: boards[0] && [boards[0].vendor, boards[0].product, boards[0].serial].map(words),
    firmware:
      rest.firmware && [rest.firmware.vendor, rest.firmware.version, rest.firmware.date].map(words),
    isVirtual: rest.firmware?.isVirtualMachine ?? false,
    isUefi: rest.firmware?.isUefi ?? false,
    slots: memoryArrays,
    sockets: memoryDevices.map((device) => [words(device.locator), device.sizeBytes ?? 0]),
    // dmidecode prints no more for an empty socket.
    modules: memoryDevices
      .filter(({ sizeBytes }) => sizeBytes)
      .map((device) => [
        device.isPersistent,
        device.speedMts,
        words(device.manufacturer),
        words(device.serial),
        words(device.partNumber),
      ]),
    processors: processors.map(({ version, isPopulated }) => [words(version), isPopulated]),
    hasIpmi: rest.ipmi !== undefined,
  };
}

describe.skipIf(missing !== undefined)(
  `the decoder and dmidecode${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    it('agree on every raw table of the corpus', () => {
      const compared: string[] = [];
      for (const [name, root] of loadMachines()) {
        const table = root.entry('/sys/firmware/dmi/tables/DMI');
        const entry = root.entry('/sys/firmware/dmi/tables/smbios_entry_point');
        if (!(table instanceof Uint8Array) || !(entry instanceof Uint8Array)) continue;
        // dmidecode stops at this one's broken structure; we step over it.
        if (name === 'dmiraw-sidero-HyperV') continue;
        const { tables } = decodeTables(table, parseEntryPoint(entry)?.version);
        const theirs = comparable(parseDmidecode(printed(entry, table)));
        expect({ name, ...Object(comparable(tables)) }).toEqual({ name, ...Object(theirs) });
        compared.push(name);
      }
      expect(compared.length).toBeGreaterThan(15);
    });
  },
);
