import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { captureHost, packCapture } from '../../src/capture/capture.ts';
import { explainInventory } from '../../src/inventory/inventory.ts';
import type { Facts, Inventory } from '../../src/model/inventory.ts';
import { openRoot } from '../../src/sources/open.ts';
import { writeMachine, type Marks } from './synthetic-machine.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-redact-'));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

const example: Marks = {
  macs: ['52:54:00:ab:cd:01', '52:54:00:ab:cd:02'],
  uuid: '4c4c4544-0051-3510-8052-b4c04f4a3132',
  machineId: '0123456789abcdef0123456789abcde0',
  systemSerial: 'CZ3AB12XYZ',
  boardSerial: '.7H3K2L1.CN7016349B00A1.',
  dimmSerial: '8A31F2C4',
  diskSerial: 'S3Z2NB0K654321',
  wwn: '5002538e40a1b2c3',
  hostname: 'node17.dc2.example.net',
  token: 'eyJhbGciOiJFZERTQSJ9',
  ipv4: '203.0.113.77',
  ipv6: '2001:db8:4:7::1234',
  domain: 'dc2.example.net',
  server: 'boot.dc9.example.org',
};

/** Captures the machine and gives what came of it, with everything that the archive holds. */
async function capture(redact: boolean): Promise<{
  inventory: Inventory;
  facts: Partial<Facts>;
  explanation: Awaited<ReturnType<typeof explainInventory>>['explanation'];
  text: string;
}> {
  const machine = await openRoot(join(top, 'machine'));
  const archive = await packCapture(await captureHost(machine, { agentVersion: '1.2.3', redact }));
  const file = join(top, `${redact}.tar.gz`);
  writeFileSync(file, archive);
  const replay = await explainInventory(file);
  const tar = gunzipSync(archive).toString('latin1');
  const binary = [...tar.matchAll(/"base64":"([^"]*)"/g)].map(([, base64 = '']) =>
    Buffer.from(base64, 'base64').toString('latin1'),
  );
  const pairsSwapped = binary.map((text) => text.replaceAll(/(.)(.)/gs, '$2$1'));
  return { ...replay, text: [tar, ...binary, ...pairsSwapped].join('\n').toLowerCase() };
}

/** Every way to write the marks, worked out apart from the code under test. */
function spellingsOf(marks: Marks): string[] {
  const bytes = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');
  const macs = marks.macs.flatMap((mac) => {
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = mac.split(':');
    const flipped = (Number.parseInt(a, 16) ^ 0x02).toString(16).padStart(2, '0');
    const digits = [a, b, c, d, e, f].join('');
    return [
      mac,
      mac.replaceAll(':', '-'),
      digits,
      `${flipped}${b}${c}fffe${d}${e}${f}`,
      bytes(digits),
    ];
  });
  const digits = marks.uuid.replaceAll('-', '');
  const swapped = Buffer.from(digits, 'hex');
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  const uuids = [
    marks.uuid,
    digits,
    digits.replaceAll(/(.{8})(?=.)/g, '$1:'),
    swapped.toString('hex'),
    bytes(digits),
    swapped.toString('latin1'),
  ];
  const { machineId, systemSerial, boardSerial, dimmSerial, diskSerial, wwn, hostname } = marks;
  const texts = [machineId, systemSerial, boardSerial, dimmSerial, diskSerial, wwn, hostname];
  const { ipv4, ipv6, domain, server } = marks;
  const littleEndian = Buffer.from(ipv4.split('.').map(Number).toReversed()).toString('hex');
  const [head = '', tail = ''] = ipv6.split('::');
  const groups = `${head}:0:0:0:${tail}`.split(':').map((group) => group.padStart(4, '0'));
  const network = [ipv4, littleEndian, ipv6, groups.join(''), domain, server];
  const inHex = Buffer.from(server).toString('hex');
  return [...macs, ...uuids, ...texts, ...network, inHex, bytes(wwn)].map((text) =>
    text.toLowerCase(),
  );
}

function oneOf(characters: string): fc.Arbitrary<string> {
  return fc.nat(characters.length - 1).map((i) => characters.charAt(i));
}

/** The shape of addresses, routes, name servers and leases, without their values. */
function networkDecisions({ addresses, routes, resolver, leases }: Partial<Facts>): unknown {
  return {
    addresses: addresses?.map(({ address, mac, ...rest }) => ({
      ...rest,
      family: address.includes(':') ? 6 : 4,
      hasMac: mac !== null,
    })),
    route: routes?.default && { ...routes.default, gateway: routes.default.gateway !== null },
    nameservers: resolver?.nameservers.length,
    hasDomain: resolver?.domain !== null,
    leases: leases?.map(({ source, url, domain }) => [
      source,
      url && new URL(url).protocol + new URL(url).port,
      domain !== undefined,
    ]),
  };
}

/** The inventory with every value that may differ taken out. */
function decisions(inventory: Inventory): string {
  const faked =
    /^(serial|wwn|by_path|mac|current_mac|primary_mac|smbios_uuid|machine_id|identity_hash|hostname)$/;
  return JSON.stringify(inventory, (name, value: unknown) => {
    if (faked.test(name)) return value === null ? null : 'some';
    return name === 'all_macs' && Array.isArray(value) ? value.length : value;
  });
}

describe('a capture', () => {
  it('replays to the identical inventory, redacted or not to the same decisions', async () => {
    writeMachine(join(top, 'machine'), example);
    const { inventory } = await explainInventory(join(top, 'machine'));
    expect(inventory.identity.all_macs).toEqual([...example.macs]);
    expect(inventory.identity.smbios_uuid).toBe(example.uuid);
    expect(inventory.hardware.disks?.[0]).toMatchObject({ serial: example.diskSerial });
    expect((await capture(false)).inventory).toEqual(inventory);
    const redacted = await capture(true);
    expect(decisions(redacted.inventory)).toBe(decisions(inventory));
    expect(redacted.inventory.hardware.boot?.secure_boot).toBe(true);
    expect(redacted.inventory.identity.primary_mac).toMatch(/^52:54:00:/);
  });

  it('of this very host replays to the inventory that was taken with it', async () => {
    const captured = await captureHost(await openRoot('/'), { agentVersion: '1.2.3' });
    writeFileSync(join(top, 'live.tar.gz'), await packCapture(captured));
    const replay = await explainInventory(join(top, 'live.tar.gz'));
    expect(replay.inventory).toEqual(captured.inventory);
  });

  it('never holds a credential', async () => {
    writeMachine(join(top, 'machine'), example);
    const { text } = await capture(false);
    expect(text).not.toContain(example.token.toLowerCase());
    expect(text).toContain('dragonfly.token=removed');
    expect(text).toContain('http://removed@10.0.0.1/');
  });

  it('redacted twice has the same fakes', async () => {
    writeMachine(join(top, 'machine'), example);
    expect((await capture(true)).inventory).toEqual((await capture(true)).inventory);
  });

  it('redacted keeps placeholders, and a UUID made of a MAC stays made of one', async () => {
    const uuid = '00000000-0000-0000-0000-ac1f6babcd03';
    writeMachine(join(top, 'machine'), { ...example, uuid, systemSerial: '0123456789' });
    const { inventory, explanation } = await capture(true);
    expect(inventory.identity.smbios_uuid).toMatch(/^0{8}-0{4}-0{4}-0{4}-ac1f6b(?!abcd03)/);
    expect(explanation.sources.find((s) => s.kind === 'smbios_uuid')?.why).toMatch(/^weak/);
    expect(inventory.hardware.system).toMatchObject({ serial: null });
  });

  it('redacted hides a short host name where it stands alone, and no other words', async () => {
    writeMachine(join(top, 'machine'), { ...example, hostname: 'db1' });
    const { text } = await capture(true);
    const [, line = ''] = /bootif=01-([^\n]*)\n/.exec(text) ?? [];
    expect(line).toContain('quiet');
    expect(line).not.toMatch(/\bdb1\b/);
    expect(text).not.toContain('db1-root');
  });

  it('redacted holds none of the marks of a machine in any spelling', async () => {
    const hex = (length: number): fc.Arbitrary<string> =>
      fc.string({
        unit: oneOf('0123456789abcdef'),
        minLength: length,
        maxLength: length,
      });
    const serial = fc
      .string({
        unit: oneOf('ABCDEFGHJKLMNPQRSTUVWXYZ0123456789'),
        minLength: 8,
        maxLength: 16,
      })
      .filter((text) => /\d/.test(text) && new Set(text).size > 4);
    const mac = fc
      .tuple(fc.constantFrom('52:54:00', '3c:ec:ef', '00:0c:29'), hex(6))
      .map(([oui, end]) => `${oui}:${end.replace(/(..)(..)(..)/, '$1:$2:$3')}`);
    const marks: fc.Arbitrary<Marks> = fc.record({
      macs: fc
        .uniqueArray(mac, { minLength: 2, maxLength: 2 })
        .map(([a = '', b = '']) => [a, b] as const),
      uuid: fc.uuid(),
      machineId: hex(32).filter((id) => new Set(id).size > 3),
      systemSerial: serial,
      boardSerial: serial,
      dimmSerial: hex(8).map((text) => `${text.slice(0, 7).toUpperCase()}A`),
      diskSerial: serial,
      wwn: hex(15).map((text) => `5${text}`),
      hostname: fc.stringMatching(/^[a-z]{4}[0-9]{3}$/),
      token: fc.constant(example.token),
      ipv4: fc.oneof(
        fc.tuple(fc.integer({ min: 11, max: 99 }), fc.nat(255)).map(([a, b]) => `${a}.${b}.81.77`),
        fc.tuple(fc.nat(255), fc.nat(255)).map(([b, c]) => `10.${b}.${c}.77`),
      ),
      ipv6: hex(4).map((text) => `2a01:9${text.slice(1)}:4:7::1234`),
      domain: fc.stringMatching(/^[a-z]{3}[0-9]\.[a-z]{6}\.net$/),
      server: fc.stringMatching(/^[a-z]{4}\.[a-z]{4}[0-9]\.org$/),
    });
    await fc.assert(
      fc.asyncProperty(marks, async (machine) => {
        rmSync(join(top, 'machine'), { recursive: true, force: true });
        writeMachine(join(top, 'machine'), machine);
        const [plain, redacted] = [await capture(false), await capture(true)];
        const spellings = spellingsOf(machine);
        // Most of them do stand in the capture that was not redacted.
        expect(spellings.filter((s) => plain.text.includes(s)).length).toBeGreaterThan(18);
        for (const spelling of spellings) expect(redacted.text).not.toContain(spelling);
        expect(decisions(redacted.inventory)).toBe(decisions(plain.inventory));
        expect(networkDecisions(redacted.facts)).toEqual(networkDecisions(plain.facts));
        expect(plain.facts.addresses?.map((a) => a.interface)).toEqual([
          'eth0',
          'eth1',
          'lo',
          'eth0',
        ]);
      }),
      { numRuns: 12 },
    );
  });
});
