import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectInventory, explainInventory } from '../../src/inventory/inventory.ts';
import { denied } from '../probes/host.ts';
import { MemoryRoot } from '../probes/memory-root.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-inventory-'));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
}

describe('the inventory', () => {
  it('of an empty machine has null for what is not known, and says that there is no NIC', async () => {
    const { identity, hardware, problems } = await collectInventory(top);
    expect(identity).toMatchObject({ primary_mac: null, all_macs: [], smbios_uuid: null });
    expect(hardware).toMatchObject({ cpu_model: null, memory_bytes: null, disks: [] });
    expect(problems.map((p) => p.code)).toEqual(['identity.no-mac']);
  });

  it('has no list of what could not be looked for, and an empty one of what is not there', async () => {
    const refused = (path: string) => ({ [path]: denied(path) });
    const { hardware, problems } = await collectInventory(
      MemoryRoot.of({
        ...refused('/sys/block'),
        ...refused('/sys/class/net'),
        ...refused('/sys/firmware/dmi/tables/DMI'),
      }),
    );
    for (const list of ['disks', 'network_interfaces', 'infiniband', 'dimms', 'existing_os']) {
      expect(hardware).not.toHaveProperty(list);
    }
    expect(hardware).toMatchObject({ gpus: [], bmc: null, tpm: { is_present: false } });
    expect(problems.map(({ section }) => section)).toEqual(
      expect.arrayContaining(['disks', 'network', 'dmi']),
    );
  });

  it('takes the boot NIC and the route from the kernel as hints', async () => {
    put({
      'etc/machine-id': `${'5'.repeat(32)}\n`,
      'proc/cmdline': 'quiet BOOTIF=01-52-54-00-00-00-01\n',
    });
    const { inventory, explanation } = await explainInventory(top);
    expect(inventory.identity.primary_mac).toBe('52:54:00:00:00:01');
    expect(explanation.primary).toBe('the firmware booted from it');
  });
});
