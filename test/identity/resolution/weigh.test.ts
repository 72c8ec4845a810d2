// The table by which a check-in is the machine that something points at, or another one: a case for each rule,
// and what does not count as evidence.
import { describe, expect, it } from 'vitest';
import { evidenceOf } from '../../../src/identity/evidence.ts';
import type { Resolution } from '../../../src/identity/resolution/resolve.ts';
import { rules } from '../../../src/identity/resolution/rules.ts';
import { weigh, type Weight } from '../../../src/identity/resolution/weigh.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import { newMachine } from '../../../src/server/rules/machine-record.ts';

const now = new Date('2026-01-01T00:00:00Z');
const mac = (n: number): string => `02:00:00:00:00:0${n}`;
const uuid = (n: number): string => `4c4c4544-0051-3510-8052-b4c04f4a313${n}`;

const disk = (serial: string, more: object = {}) => ({
  name: 'sda',
  size_bytes: 1000,
  model: 'M',
  transport: 'sata',
  serial,
  ...more,
});
const module = (serial: string) => ({ size_bytes: 2 ** 34, serial });
const own = { all_macs: [mac(1)], boot_id: 'a' };

type Body = Omit<Partial<CheckinRequest>, 'mac'> & { mac?: string };

function weight(known: Body, shown: Body, shared: readonly string[] = []): Weight {
  const request = { mac: mac(1), ...own, ...known };
  const resolution: Resolution = { machineId: undefined, matchedBy: 'new', evidence: [] };
  const machine = newMachine('m', { shown: evidenceOf(request), request, resolution }, now);
  return weigh(evidenceOf({ mac: mac(1), ...own, ...shown }), machine, new Set(shared));
}

const elsewhere = { mac: mac(2), all_macs: [mac(2)] };
const [here, there] = [{ serial: 'SYS1' }, { serial: 'SYS2' }];
const laptop = { system: { vendor: 'Dell', product: 'XPS' } };
const server = { system: { vendor: 'Dell', product: 'R650' } };
const disks = (serial: string) => ({ disks: [disk(serial)] });
const modules = (serial: string) => ({ dimms: [module(serial)] });
const id = (n: number) => ({ machine_id: `${n}`.repeat(32) });
const board = (n: number) => ({ smbios_uuid: uuid(n) });

/** One case for each rule, by its words: what is known, and what is shown. */
const cases: Readonly<Record<string, readonly [known: Body, shown: Body]>> = {
  'serial number and UUID agree; addresses differ, and disks or the serial number of the board; no disk or memory module agrees':
    [
      { ...board(1), system: here, ...disks('S1') },
      { ...elsewhere, ...board(1), system: here, ...disks('S2') },
    ],
  'serial number and UUID agree': [
    { ...board(1), system: here, ...disks('S1'), ...modules('D1') },
    { ...elsewhere, ...board(1), system: here, ...disks('S2'), ...modules('D1') },
  ],
  'the board and an address agree; of disks, memory modules and product two differ': [
    { ...board(1), ...disks('S1'), ...laptop },
    { ...board(1), ...disks('S2'), ...server },
  ],
  'the board and an address agree': [
    { ...board(1), ...disks('S1'), ...id(1) },
    { ...board(1), ...disks('S2'), ...id(2) },
  ],
  'the board and a disk or memory module agree': [
    { ...board(1), ...disks('S1') },
    { ...elsewhere, ...board(1), ...disks('S1') },
  ],
  'the board alone agrees; disks, memory modules, product or build differ': [
    { ...board(1), ...disks('S1') },
    { ...elsewhere, ...board(1), ...disks('S2') },
  ],
  'the board alone agrees, and nothing differs': [board(1), { ...elsewhere, ...board(1) }],
  'a disk and a memory module agree': [
    { ...board(1), ...disks('S1'), ...modules('D1') },
    { ...elsewhere, ...board(2), ...disks('S1'), ...modules('D1') },
  ],
  'a disk alone agrees, and no address': [
    { ...board(1), ...disks('S1') },
    { ...elsewhere, ...board(2), ...disks('S1') },
  ],
  'a disk agrees': [
    { ...board(1), ...disks('S1') },
    { ...board(2), ...disks('S1') },
  ],
  'the board differs, disks are not known; the installation or a memory module agrees': [
    { ...board(1), ...id(1) },
    { ...board(2), ...id(1) },
  ],
  'the board differs': [
    { ...board(1), ...disks('S1'), ...id(1) },
    { ...board(2), ...disks('S2'), ...id(1) },
  ],
  'disks differ; a memory module or a second address agrees': [
    { ...disks('S1'), ...modules('D1') },
    { ...disks('S2'), ...modules('D1') },
  ],
  'disks differ': [disks('S1'), disks('S2')],
  'the installation, a memory module or a second address agrees': [
    { ...id(1), memory_bytes: 1 },
    { ...id(1), memory_bytes: 2 },
  ],
  'memory modules or build differ': [{ memory_bytes: 1 }, { memory_bytes: 2 }],
  'nothing differs': [{}, {}],
};

it.each(rules)('$when: $is', ({ when, is }) => {
  const [known, shown] = cases[when] ?? [];
  const found = weight(known ?? {}, shown ?? {});
  expect([found.rule, found.isSame]).toEqual([when, is === 'same']);
  // Another machine is never without a reason.
  expect(found.isSame || found.against.length > 0).toBe(true);
});

describe('stays the same machine', () => {
  const whole = { ...board(1), ...disks('S1'), ...modules('D1'), ...id(1), system: here };
  it.each([
    ['installed anew', { ...whole, ...id(2) }],
    ['with other disks', { ...whole, ...disks('S2'), ...id(2) }],
    ['with another port', { ...whole, ...elsewhere }],
    ['with more memory', { ...whole, ...modules('D2'), memory_bytes: 2 }],
    ['with a new board that has its disks', { ...whole, ...board(2), system: there }],
    ['with a new board and its ports', { ...whole, ...elsewhere, ...board(2), system: there }],
    [
      'after its firmware turned the UUID round',
      { smbios_uuid: '44454c4c-5100-1035-8052-b4c04f4a3131', ...disks('S2') },
    ],
  ])('%s', (_, shown) => {
    expect(weight(whole, shown).isSame).toBe(true);
  });
});

describe('is another machine', () => {
  it.each([
    [
      'two laptops with one dongle',
      { ...board(1), ...disks('S1') },
      { ...board(2), ...disks('S2') },
    ],
    [
      'two laptops with one dongle and one golden image',
      { ...board(1), ...disks('S1'), ...id(1) },
      { ...board(2), ...disks('S2'), ...id(1) },
    ],
    ['two boards with one default MAC', { ...disks('S1') }, { ...disks('S2') }],
    [
      'two models with one UUID',
      { ...board(1), ...laptop },
      { ...elsewhere, ...board(1), ...server },
    ],
    [
      'a card moved to another machine',
      { ...board(1), all_macs: [mac(1), mac(2)] },
      { ...board(2), all_macs: [mac(1), mac(2)] },
    ],
    [
      'serial numbers differ behind one UUID and MAC',
      { ...board(1), system: here, ...disks('S1') },
      { ...board(1), system: there, ...disks('S2') },
    ],
  ])('%s', (_, known, shown) => {
    expect(weight(known, shown).isSame).toBe(false);
  });
});

it('says which serial numbers differ: those of the system, else of the board', () => {
  const known = { system: here, board: { serial: 'B1' } };
  const against = (shown: Body): readonly string[] => weight(known, shown).against;
  expect(against({ board: { serial: 'B2' } })).toContain('has board serial number B1, not B2');
  expect(against({ system: there, board: { serial: 'B2' } })).toContain(
    'has serial number SYS1, not SYS2',
  );
});

describe('nodes of one chassis, which have its serial number and a UUID made of it', () => {
  const node = (n: number) => ({
    ...board(1),
    mac: mac(n),
    all_macs: [mac(n)],
    system: here,
    board: { serial: `B${n}` },
  });

  it('are told apart by their boards', () => {
    const { isSame, against } = weight(node(1), node(2));
    expect(isSame).toBe(false);
    expect(against).toContain('has board serial number B1, not B2');
  });

  it('are not mistaken for a machine whose board was replaced', () => {
    expect(weight({ ...node(1), ...disks('S1') }, { ...node(2), ...disks('S1') }).isSame).toBe(
      true,
    );
    expect(weight({ ...node(1), ...modules('D1') }, { ...node(2), ...modules('D1') }).isSame).toBe(
      true,
    );
  });
});

describe('is no evidence', () => {
  const moved = (more: object): boolean =>
    weight({ ...board(1), disks: [disk('S1', more)] }, { ...board(2), disks: [disk('S1', more)] })
      .isSame;

  it.each([['fc'], ['iscsi'], ['usb'], ['nvme-tcp'], ['nvme-rdma']])(
    'a disk over %s',
    (transport) => {
      expect(moved({ transport })).toBe(false);
      expect(moved({ transport: 'nvme' })).toBe(true);
    },
  );

  it('a SAS disk with several paths, or a disk that is lent', () => {
    expect(moved({ transport: 'sas', paths: ['/dev/sda', '/dev/sdb'] })).toBe(false);
    expect(moved({ transport: 'sas', paths: [] })).toBe(true);
    expect(moved({ virtual_media: true })).toBe(false);
  });

  it.each([
    'QM00001',
    '0000000000',
    'drive-scsi0',
    '0QEMU_QEMU_HARDDISK_drive-scsi0',
    'VMware NVME_0000',
    'VB1234-56789',
    'nvme_card-pd',
    'persistent-disk-0',
    'SN: 000001',
    '00000000000000000001',
    '01000000000000000001',
    'BHYVE-8B3A-1F24-5C2F',
    'Not Available',
    'To be filled by O.E.M.',
  ])('the serial number %s, nor a name made of it', (serial) => {
    for (const wwn of [null, `t10.ATA     HARDDISK   ${serial}`, 'nvme.15ad-564d-564d-00000001']) {
      const known = { ...board(1), disks: [disk(serial, { wwn })] };
      expect(weight(known, { ...known, ...board(2) }).isSame).toBe(false);
    }
  });

  it("a board's serial number where those of the system differ", () => {
    const known = { system: here, board: { serial: 'B1' }, ...disks('S1') };
    expect(weight(known, { ...known, system: there, ...disks('S2') }).isSame).toBe(false);
  });

  it('a WWN where serial numbers differ', () => {
    const known = { ...board(1), disks: [disk('S1', { wwn: 'naa.5' })] };
    const shown = { ...board(2), disks: [disk('S2', { wwn: 'naa.5' })] };
    expect(weight(known, shown).isSame).toBe(false);
  });

  it('a UUID that several machines have', () => {
    const [known, shown] = [
      { ...board(1), ...id(1) },
      { ...elsewhere, ...board(1) },
    ];
    expect(weight(known, shown, [uuid(1)]).agreeing).toBe(0);
  });
});
