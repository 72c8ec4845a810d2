// The neighbours of a machine in its capture: heard once, and told again by a replay, under fakes where it is redacted.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { captureHost, packCapture } from '../../src/capture/capture.ts';
import { collectSections } from '../../src/inventory/sections.ts';
import { MemoryRoot } from '../probes/memory-root.ts';

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-neighbours-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const device = '/sys/devices/pci0000:00/0000:00:03.0';
const host = {
  '/sys/class/net/eth0': { link: `${device}/net/eth0` },
  [`${device}/net/eth0/device`]: { link: device },
  [`${device}/net/eth0/type`]: '1\n',
  [`${device}/net/eth0/address`]: '52:54:00:00:00:01\n',
  [`${device}/net/eth0/carrier`]: '1\n',
};

const [chassis, system, vlan] = ['00:1c:73:aa:bb:cc', 'sw7.rack9.corp.example', 12];
const frame =
  '0180c200000e001c73aabb0188cc' +
  `020704001c73aabbcc${text(4, '\u0005Ethernet1/12')}${text(8, 'to web01')}${text(10, system)}` +
  'fe060080c201000c0000';

/** A field of text, by the first byte of its header. */
function text(type: number, value: string): string {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([type, bytes.length]), bytes]).toString('hex');
}

const timeout = 'timeout --preserve-status --signal=INT 31 tcpdump -i eth0';
const filter = '-l -nn -xx -s 1600 -c 1 ether proto 0x88cc or ether dst 01:00:0c:cc:cc:cc';
const rows = (frame.match(/.{1,32}/g) ?? []).map(
  (row, i) => `\t0x00${i.toString(16)}0:  ${row.replaceAll(/(.{4})(?=.)/g, '$1 ')}`,
);

const programs = {
  lldpctl: {
    'lldpctl -f keyvalue':
      `lldp.eth0.via=LLDP\nlldp.eth0.chassis.mac=${chassis}\nlldp.eth0.chassis.name=${system}\n` +
      'lldp.eth0.chassis.mgmt-ip=192.0.2.77\nlldp.eth0.lldp-med.inventory.serial=SSJ17115\n' +
      'lldp.eth0.port.descr=to web01\nlldp.eth0.port.ifname=Ethernet1/12\n' +
      'lldp.eth0.vlan.vlan-id=12\nlldp.eth0.vlan.pvid=yes\n',
  },
  'hear-neighbours': { 'hear-neighbours 31 eth0': `eth0 ${frame}\n` },
  tcpdump: { [`${timeout} ${filter}`]: `12:00 LLDP, length 99: sw7\n${rows.join('\n')}\n` },
};

async function replayed(commands: Readonly<Record<string, string>>, redact: boolean) {
  const options = { agentVersion: '1.0.0', redact, hear: true };
  const archive = await packCapture(await captureHost(MemoryRoot.of(host, commands), options));
  const file = join(dir, 'machine.tar.gz');
  writeFileSync(file, archive);
  const { hardware } = await collectSections(file, ['neighbours']);
  return { found: hardware.network_interfaces?.[0], held: gunzipSync(archive).toString('latin1') };
}

describe.each(Object.entries(programs))('a capture of what %s says', (_, commands) => {
  it('tells the neighbours again', async () => {
    expect((await replayed(commands, false)).found).toMatchObject({
      neighbour: { chassis, system, port: 'Ethernet1/12', vlan },
    });
  });

  it('redacted keeps port and VLAN, and nothing of the switch', async () => {
    const { found, held } = await replayed(commands, true);
    expect(found).toMatchObject({ neighbour: { port: 'Ethernet1/12', vlan } });
    expect(found?.neighbour?.chassis).toMatch(/^00:1c:73:(?!aa:bb:cc)/);
    expect(found?.neighbour?.system).toMatch(/^[a-z]{2}\d\.[a-z]{4}\d\.[a-z]{4}\.[a-z]{7}$/);
    const secrets = [system, chassis, 'web01', '192.0.2.77', 'SSJ17115'];
    for (const secret of secrets) {
      expect(held).not.toContain(secret);
      expect(held).not.toContain(Buffer.from(secret).toString('hex'));
    }
    expect(held.replaceAll(' ', '')).not.toContain('1c73aabb');
  });
});

it('hears nobody for half a minute unless asked, but asks lldpd', async () => {
  for (const hear of [false, undefined]) {
    const root = MemoryRoot.of(host, programs['hear-neighbours']);
    await captureHost(root, { agentVersion: '1.0.0', ...(hear === undefined ? {} : { hear }) });
    expect(root.asked).toContain('lldpctl -f keyvalue');
    expect(root.asked.filter((one) => /hear-neighbours|tcpdump/.test(one))).toEqual([]);
  }
});
