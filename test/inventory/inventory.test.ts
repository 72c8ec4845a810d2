import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBootMac } from '../../src/inventory/boot-interface.ts';
import { collectInventory, explainInventory } from '../../src/inventory/inventory.ts';
import { denied } from '../probes/host.ts';
import { MemoryRoot } from '../probes/memory-root.ts';
import { defaultRoute, parseIpv4Routes, parseIpv6Routes } from '../../src/inventory/routes.ts';

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

describe('the boot NIC', () => {
  it.each([
    ['BOOTIF=01-52-54-00-AB-00-01 quiet', '52:54:00:ab:00:01'],
    ['a=b dragonfly.mac=52:54:00:00:00:02 BOOTIF=01-52-54-00-00-00-01', '52:54:00:00:00:02'],
    ['BOOTIF=01-52-54-00-00-00-01 BOOTIF=01-52-54-00-00-00-03', '52:54:00:00:00:03'],
    ['BOOTIF=01-52-54 xBOOTIF=01-52-54-00-00-00-01', undefined],
    ['', undefined],
  ])('of "%s" is %s', (cmdline, mac) => {
    expect(parseBootMac(cmdline)).toBe(mac);
  });
});

describe('the default route', () => {
  const header =
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';

  it('is the one with the lowest metric that is up and lets traffic pass', () => {
    const routes = parseIpv4Routes(
      [
        header,
        'eth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0',
        'eth0\t00000000\t010A000A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
        'eth2\t00000000\t00000000\t0201\t0\t0\t1\t00000000\t0\t0\t0',
        'eth0\t000A000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
        'junk',
      ].join('\n'),
    );
    expect(defaultRoute(routes)).toEqual({
      interface: 'eth0',
      destination: '0.0.0.0',
      prefixLength: 0,
      gateway: '10.0.10.1',
      metric: 100,
    });
    expect(routes.find((r) => r.destination === '10.0.10.0')?.prefixLength).toBe(24);
  });

  it('of IPv6 is not that of the loopback interface', () => {
    const zero = '0'.repeat(32);
    const gateway = 'fe80000000000000505400fffe000001';
    const routes = parseIpv6Routes(
      [
        `${zero} 00 ${zero} 00 ${gateway} 00000400 00000001 00000000 00450003     eth0`,
        `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
        '',
      ].join('\n'),
    );
    expect(defaultRoute(routes)).toMatchObject({ interface: 'eth0', gateway, metric: 1024 });
  });
});
