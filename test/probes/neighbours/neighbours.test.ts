import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { collect } from '../../../src/probes/collect.ts';
import { parseFrame } from '../../../src/probes/neighbours/frames.ts';
import { neighboursProbe } from '../../../src/probes/neighbours/neighbours.ts';
import { parseHeard, parseLldpctl, parseTcpdump } from '../../../src/probes/neighbours/printed.ts';
import { codes } from '../host.ts';
import { MemoryRoot, type Entry } from '../memory-root.ts';

type Field = readonly [type: number, value: readonly number[] | string];

const bytes = (value: readonly number[] | string): Buffer => Buffer.from(value as string, 'latin1');
const ethernet = (type: readonly number[]): Buffer =>
  Buffer.from([0x01, 0x80, 0xc2, 0, 0, 0x0e, 0x52, 0x54, 0, 0, 0, 7, ...type]);

function lldp(...fields: readonly Field[]): Buffer {
  const parts = fields.map(([type, value]) => {
    const body = bytes(value);
    return Buffer.concat([
      Buffer.from([(type << 1) | (body.length >> 8), body.length & 0xff]),
      body,
    ]);
  });
  return Buffer.concat([ethernet([0x88, 0xcc]), ...parts, Buffer.from([0, 0])]);
}

function cdp(...fields: readonly Field[]): Buffer {
  const parts = fields.map(([type, value]) => {
    const body = bytes(value);
    return Buffer.concat([Buffer.from([0, type, 0, body.length + 4]), body]);
  });
  const head = [0, 100, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 180, 0, 0];
  return Buffer.concat([ethernet(head), ...parts]);
}

const mac = [0x52, 0x54, 0, 0, 0, 9];
const arista = lldp(
  [1, [4, ...mac]],
  [2, '\u0005Ethernet1/12'],
  [3, [0, 120]],
  [5, 'sw-7.lab'],
  [127, [0x00, 0x80, 0xc2, 0x01, 0, 100]],
  [127, [0x00, 0x12, 0x0f, 0x01, 3, 0, 0]],
);

describe('a frame', () => {
  it('of LLDP names switch, port and VLAN', () => {
    const expected = {
      chassis: '52:54:00:00:00:09',
      port: 'Ethernet1/12',
      system: 'sw-7.lab',
      vlan: 100,
    };
    expect(parseFrame(arista)).toEqual(expected);
    const tagged = Buffer.concat([
      arista.subarray(0, 12),
      Buffer.from([0x81, 0, 0, 1]),
      arista.subarray(12),
    ]);
    expect(parseFrame(tagged)).toEqual(expected);
  });

  it.each([
    ['an address', [3, ...mac]],
    ['a number', '\u0007513'],
  ])('of LLDP whose port is %s is told by the description', (_, id) => {
    expect(parseFrame(lldp([2, id], [4, 'ge-0/0/1']))).toEqual({ port: 'ge-0/0/1' });
  });

  it('of CDP names switch, port and VLAN', () => {
    const frame = cdp([1, 'core1'], [3, 'GigabitEthernet1/0/7'], [10, [0, 42]], [4, [0, 0, 0, 8]]);
    expect(parseFrame(frame)).toEqual({ system: 'core1', port: 'GigabitEthernet1/0/7', vlan: 42 });
  });

  it('that is cut, empty or of another protocol names no more than it holds', () => {
    expect(parseFrame(arista.subarray(0, 40))).toEqual({
      chassis: '52:54:00:00:00:09',
      port: 'Ethernet1/12',
    });
    expect(parseFrame(lldp([127, [0x00, 0x80, 0xc2, 0x01, 0, 0]]))).toBeUndefined();
    expect(parseFrame(Buffer.from('0102', 'hex'))).toBeUndefined();
    expect(parseFrame(Buffer.concat([ethernet([8, 0]), Buffer.alloc(60, 1)]))).toBeUndefined();
  });

  it('survives whatever a network sends', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(arista, cdp([1, 'x'])),
        (junk, head) => {
          expect(() => parseFrame(Buffer.concat([head.subarray(0, 30), junk]))).not.toThrow();
        },
      ),
    );
  });
});

const nic = '/sys/devices/pci0000:00/0000:00:03.0';
const port: Record<string, Entry> = {
  '/sys/class/net/eth0': { link: `${nic}/net/eth0` },
  [`${nic}/net/eth0/device`]: { link: nic },
  [`${nic}/net/eth0/type`]: '1\n',
  [`${nic}/net/eth0/carrier`]: '1\n',
  '/sys/class/net/eth1/carrier': '0\n',
};
const listening =
  'timeout --preserve-status --signal=INT 31 tcpdump -i eth0 -l -nn -xx -s 1600 -c 1 ether proto 0x88cc or ether dst 01:00:0c:cc:cc:cc';

async function hear(commands: Record<string, Entry>) {
  const { facts, problems } = await collect(MemoryRoot.of(port, commands), {
    probes: [neighboursProbe],
  });
  return { found: facts.neighbours, problems: codes(problems) };
}

describe('the neighbours probe', () => {
  const told = {
    chassis: '52:54:00:00:00:09',
    port: 'Ethernet1/12',
    system: 'sw-7.lab',
    vlan: 100,
  };

  it('asks lldpd where it runs', async () => {
    const text =
      'lldp.eth0.via=LLDP\nlldp.eth0.chassis.mac=52:54:00:00:00:09\nlldp.eth0.chassis.name=sw-7.lab\n' +
      'lldp.eth0.port.descr=To server\nlldp.eth0.port.ifname=Ethernet1/12\n' +
      'lldp.eth0.vlan.vlan-id=100\nlldp.eth0.vlan.pvid=yes\nlldp.eth0.vlan.vlan-id=7\nlldp.eth0.vlan.pvid=no\n';
    expect(await hear({ 'lldpctl -f keyvalue': text })).toEqual({
      found: [{ interface: 'eth0', neighbour: told }],
      problems: [],
    });
    expect(parseLldpctl('lldp.eth0.port.descr=a\n').get('eth0')).toEqual({ port: 'a' });
    const further =
      'lldp.eth0.via=LLDP\nlldp.eth0.chassis.name=host\nlldp.eth0.port.ifname=eno1\nlldp.eth0.vlan.vlan-id=9\nlldp.eth0.vlan.pvid=yes\n';
    expect((await hear({ 'lldpctl -f keyvalue': text + further })).found).toEqual([
      { interface: 'eth0', neighbour: told },
    ]);
  });

  it('listens with what the netboot image has', async () => {
    const text = `eth0 ${arista.toString('hex')}\neth0 ${cdp([1, 'x']).toString('hex')}\n`;
    expect(await hear({ 'hear-neighbours 31 eth0': text })).toEqual({
      found: [{ interface: 'eth0', neighbour: told }],
      problems: [],
    });
    expect(parseHeard('eth0 zz\n\n')).toEqual([]);
  });

  it('mixes no two neighbours that a switch in between passes on', async () => {
    const host = lldp([5, 'host']);
    host.set([0x52, 0x54, 0, 0, 0, 0x77], 6);
    const text = `eth0 ${host.toString('hex')}\neth0 ${arista.toString('hex')}\n`;
    expect((await hear({ 'hear-neighbours 31 eth0': text })).found).toEqual([
      { interface: 'eth0', neighbour: { system: 'host' } },
    ]);
  });

  it('listens with tcpdump elsewhere, to ports with a link', async () => {
    const words = arista.toString('hex').replaceAll(/(.{4})/g, '$1 ');
    const lines = words.match(/.{1,40}/g) ?? [];
    const text = `12:00 LLDP, length 60: sw-7\n${lines.map((line, i) => `\t0x00${i}0:  ${line.trim()}`).join('\n')}\n`;
    expect((await hear({ [listening]: text })).found).toEqual([
      { interface: 'eth0', neighbour: told },
    ]);
    expect((await hear({ [listening]: '' })).found).toEqual([]);
    expect(parseTcpdump('0 packets captured')).toBeUndefined();
  });

  it('says when nothing can listen, and claims nothing', async () => {
    expect(await hear({})).toEqual({ found: undefined, problems: ['exec.failed tcpdump'] });
  });
});
