import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src/core/errors.ts';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Problem } from '../../../../src/model/problem.ts';
import type { StoredOs } from '../../../../src/model/hardware/existing-os.ts';
import type { Template, TemplateAction } from '../../../../src/model/documents/template.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { mask } from '../../../../src/server/rules/settings/secret-settings.ts';
import { newMachine } from '../machine.ts';

const GiB = 2 ** 30;
const debian: StoredOs = { name: 'Debian 12', device: '/dev/sda2' };

function disk(device: string, more: Partial<StoredDisk> = {}): StoredDisk {
  const name = device.slice(5);
  return {
    device,
    size_bytes: 480 * GiB,
    model: 'MZ7L3480',
    serial: `S-${name}`,
    contents: [],
    ...more,
  };
}

const image: TemplateAction = {
  action: 'image2disk',
  url: 'https://x/debian.raw',
  checksum: 'ab'.repeat(32),
};

interface Given {
  readonly problems?: readonly Problem[];
  readonly isConfined?: boolean;
  readonly disks: readonly StoredDisk[];
  readonly actions?: readonly TemplateAction[];
  readonly os?: StoredOs | null;
  readonly reimage?: boolean;
  readonly confirmed?: boolean;
  readonly bootId?: string | null;
}

function plan({ disks, actions = [image], os = null, bootId = 'a', ...more }: Given) {
  const { problems = [], isConfined = false, ...options } = more;
  const fresh = newMachine();
  const machine = {
    ...fresh,
    hardware: { ...fresh.hardware, disks: [...disks] },
    report: {
      at: fresh.metadata.created_at,
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: os,
      nameservers: [],
      boot_id: bootId,
      agent_version: null,
      matched_by: 'new' as const,
      evidence: [],
      problems: [...problems],
      is_confined: isConfined,
    },
  };
  const template: Template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 't' },
    spec: { actions: [...actions] },
  };
  return planWorkflow(machine, template, {
    reimage: false,
    confirmed: false,
    confirmation: 'none',
    ...options,
  });
}

/** The planned device, or the code of the refusal. */
function outcome(given: Given): string {
  try {
    return plan(given).disk?.device ?? 'none';
  } catch (err) {
    return err instanceof AppError ? err.code : String(err);
  }
}

const withHints = (root_device: Record<string, string | number | boolean>): TemplateAction[] => [
  { ...image, root_device },
];

it('of a machine that never checked in says that nothing is known of its disk', () => {
  const { report: _report, ...expected } = newMachine();
  const template: Template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 't' },
    spec: { actions: [image] },
  };
  const options = { reimage: false, confirmed: false, confirmation: 'absence' } as const;
  const { actions, warnings } = planWorkflow(expected, template, options);
  expect(actions[0]?.does).toBe(
    'writes https://x/debian.raw to a disk that is not known yet, all of which is lost',
  );
  expect(warnings.at(-1)).toBe(
    'the machine has not checked in yet: neither its disks nor its agent are known',
  );
});

it.each<[string, TemplateAction, string]>([
  ['a size', { ...image, root_device: { rotational: false, size: 500 } }, 'has size 480'],
  ['a place', { ...image, root_device: { by_path: 'pci-1' } }, 'has by_path /dev/disk/by-path/p-1'],
  [
    'a serial without its zeroes',
    { ...image, root_device: { serial: 123 } },
    'has serial 00123; put quotes around serial',
  ],
  ['a partition', { ...image, disk: '/dev/sda1' }, 'is the disk of that partition'],
  ['nothing', { ...image, disk: '' }, 'be written as "": /dev/sda is another one'],
])('that is refused for %s says what the disk is instead', (_name, action, message) => {
  const only = disk('/dev/sda', { serial: '00123', type: 'ssd', by_path: 'p-1' });
  expect(() => plan({ disks: [only], actions: [action] })).toThrow(message);
});

it('names a variable that does not exist where a disk is meant', () => {
  const chroot: TemplateAction = { action: 'chroot', disk: '{{ destination_disk }}' };
  expect(() => plan({ disks: [disk('/dev/sda')], actions: [image, chroot] })).toThrow(
    /names \{\{ destination_disk \}\} as its disk, which is not a variable/,
  );
});

describe('the planned disk', () => {
  const small = disk('/dev/sdb', { size_bytes: 240 * GiB });
  const { contents: _none, ...unreadDisk } = disk('/dev/sda');
  const unreadProblem: Problem = {
    code: 'probe.timeout',
    section: 'contents',
    source: 'contents',
    message: 'the probe did not finish within 30000 ms',
  };
  const data = (device: string, type = 'ext4') => [{ device, type }];
  const namespaces = [
    disk('/dev/nvme0n1', {
      serial: 'NVME-1',
      wwn: 'eui.01',
      size_bytes: 240 * GiB,
      contents: data('/dev/nvme0n1p1'),
    }),
    disk('/dev/nvme0n2', { serial: 'NVME-1', wwn: 'eui.02' }),
  ];

  it.each<[string, Given, string]>([
    [
      'is not one that could not be looked into',
      { disks: [unreadDisk], problems: [unreadProblem] },
      'plan.unread',
    ],
    [
      'is not one whose contents the record has no room for',
      { disks: [unreadDisk], problems: [{ ...unreadProblem, section: 'record' }] },
      'plan.unread',
    ],
    [
      'may be one that could not be looked into where it is named',
      { disks: [unreadDisk], problems: [unreadProblem], actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be one that could not be looked into where its data may go',
      { disks: [unreadDisk], problems: [unreadProblem], reimage: true },
      '/dev/sda',
    ],
    [
      'may be blank beside one that could not be looked into',
      { disks: [{ ...unreadDisk, size_bytes: 900 * GiB }, small], problems: [unreadProblem] },
      '/dev/sdb',
    ],
    ['may be one of which the agent never tells anything', { disks: [unreadDisk] }, '/dev/sda'],
    ['is the only one', { disks: [disk('/dev/sda')] }, '/dev/sda'],
    ['is the smallest', { disks: [disk('/dev/sda'), small] }, '/dev/sdb'],
    [
      'is none of less than 4 GiB where there is a larger one',
      { disks: [disk('/dev/sda', { size_bytes: GiB }), small] },
      '/dev/sdb',
    ],
    ['is not on USB', { disks: [disk('/dev/sda', { transport: 'usb' })] }, 'plan.no-disk'],
    ['is not removable', { disks: [disk('/dev/sda', { removable: true })] }, 'plan.no-disk'],
    ['is no virtual media', { disks: [disk('/dev/sda', { virtual_media: true })] }, 'plan.no-disk'],
    ['is not read-only', { disks: [disk('/dev/sda', { read_only: true })] }, 'plan.no-disk'],
    ['needs a medium', { disks: [disk('/dev/sda', { size_bytes: 0 })] }, 'plan.no-disk'],
    ['is not known where no disk was reported', { disks: [] }, 'none'],
    [
      'that is not known holds the system that was found',
      { disks: [], os: debian },
      'machine.has-os',
    ],
    [
      'may be removable where its serial is named',
      { disks: [disk('/dev/sda', { removable: true })], actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'is none of two namespaces that have the named serial',
      { disks: namespaces, actions: withHints({ serial: 'NVME-1' }), reimage: true },
      'plan.ambiguous',
    ],
    [
      'is the namespace whose WWN is named, whatever the other one holds',
      { disks: namespaces, actions: withHints({ wwn: 'eui.02' }) },
      '/dev/nvme0n2',
    ],
    [
      'is the one of the named serial that another hint tells from the others',
      { disks: namespaces, actions: withHints({ serial: 'NVME-1', size: 480 }) },
      '/dev/nvme0n2',
    ],
    [
      'is the one of the named serial that has two paths',
      {
        disks: [
          disk('/dev/sda', { serial: 'M', paths: ['/dev/sdb'] }),
          disk('/dev/sdb', { serial: 'M', paths: ['/dev/sda'] }),
        ],
        actions: withHints({ serial: 'M' }),
      },
      '/dev/sda',
    ],
    [
      'is never read-only, named or not',
      { disks: [disk('/dev/sda', { read_only: true })], actions: withHints({ serial: 'S-sda' }) },
      'plan.no-disk',
    ],
    [
      'is the one of a name of udev’s, by its place',
      {
        disks: [disk('/dev/sda'), { ...small, by_path: 'pci-0000:00:17.0-ata-2' }],
        actions: [{ ...image, disk: '/dev/disk/by-path/pci-0000:00:17.0-ata-2' }],
      },
      '/dev/sdb',
    ],
    [
      'is the one of a name of udev’s, by its WWN',
      {
        disks: [small, disk('/dev/sda', { wwn: 'naa.5002538F42A1B2C3' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002538f42a1b2c3' }],
      },
      '/dev/sda',
    ],
    [
      'is the one of a name of udev’s, by its model and serial',
      {
        disks: [small, disk('/dev/sda', { model: 'MZ7L3480 HCHQ', serial: 'S 5' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/ata-MZ7L3480_HCHQ_S_5' }],
      },
      '/dev/sda',
    ],
    [
      'is the virtual one of a name of udev’s, by the start of its serial',
      {
        disks: [small, disk('/dev/vda', { model: null, serial: '0123456789-0123456789' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/virtio-0123456789-012345678' }],
      },
      '/dev/vda',
    ],
    [
      'is none where a name of udev’s only ends like one',
      { disks: [small], actions: [{ ...image, disk: '/dev/disk/by-id/ata-OTHER_S-sdb' }] },
      'plan.no-disk',
    ],
    [
      'is none of two that have one model and serial',
      {
        disks: [disk('/dev/sda', { serial: 'M' }), disk('/dev/sdb', { serial: 'M' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/ata-MZ7L3480_M' }],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is none where a partition is named',
      { disks: [disk('/dev/sda')], actions: [{ ...image, disk: '/dev/sda1' }] },
      'plan.no-disk',
    ],
    [
      'is the namespace of a name of udev’s',
      { disks: namespaces, actions: [{ ...image, disk: '/dev/disk/by-id/nvme-eui.02' }] },
      '/dev/nvme0n2',
    ],
    [
      'is none of two that have one name of udev’s',
      {
        disks: [disk('/dev/sda', { wwn: 'naa.5002' }), { ...small, wwn: 'naa.5002' }],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is the one of a name of udev’s that has two paths',
      {
        disks: [
          disk('/dev/sda', { wwn: 'naa.5002', paths: ['/dev/sdb'] }),
          disk('/dev/sdb', { wwn: 'naa.5002', paths: ['/dev/sda'] }),
        ],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }],
      },
      '/dev/sda',
    ],
    [
      'is none where a name of udev’s is another one’s',
      { disks: [small], actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }] },
      'plan.no-disk',
    ],
    [
      'is the one of its path',
      { disks: [disk('/dev/sda'), small], actions: [{ ...image, disk: '/dev/sda' }] },
      '/dev/sda',
    ],
    [
      'is the one that all hints fit',
      {
        disks: [disk('/dev/sda'), small],
        actions: withHints({ size: '>= 400', rotational: false }),
      },
      'plan.no-disk',
    ],
    [
      'holds no system unless that may go',
      { disks: [disk('/dev/sda')], os: debian },
      'machine.has-os',
    ],
    [
      'may hold one that may go',
      { disks: [disk('/dev/sda')], os: debian, reimage: true },
      '/dev/sda',
    ],
    [
      'may hold one where its serial is named',
      { disks: [disk('/dev/sda')], os: debian, actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be another one than that with the system',
      { disks: [disk('/dev/sda'), small], os: debian },
      '/dev/sdb',
    ],
    [
      'holds no system that may be anywhere',
      { disks: [disk('/dev/sda'), small], os: { ...debian, device: '/dev/mapper/vg-root' } },
      'machine.has-os',
    ],
    [
      'holds no other data',
      { disks: [disk('/dev/sda', { contents: data('/dev/sda1') })] },
      'plan.has-data',
    ],
    [
      'holds no other data by its path',
      {
        disks: [disk('/dev/sda', { contents: data('/dev/sda', 'data') })],
        actions: [{ ...image, disk: '/dev/sda' }],
      },
      'plan.has-data',
    ],
    [
      'has no twin of which one holds data, reimage or not',
      {
        disks: [disk('/dev/sda'), disk('/dev/sdb', { contents: data('/dev/sdb1') })],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is no part of a group that reaches another disk',
      {
        disks: [
          disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }] }),
          disk('/dev/sdb', { contents: [{ device: '/dev/sdb', type: 'LVM2_member', group: 'g' }] }),
        ],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'is no part of a cluster',
      {
        disks: [disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'ceph_bluestore' }] })],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'may be part of a group that its other path shows too',
      {
        disks: ['/dev/sda', '/dev/sdb'].map((device) =>
          disk(device, {
            serial: 'S1',
            wwn: 'naa.1',
            paths: ['/dev/sda', '/dev/sdb'],
            contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }],
          }),
        ),
        reimage: true,
      },
      '/dev/sda',
    ],
    [
      'is the one with the system where nothing is overwritten',
      {
        disks: [small, disk('/dev/sda')],
        os: debian,
        actions: [{ action: 'writefile', path: '/etc/motd', content: 'x' }],
      },
      '/dev/sda',
    ],
    ['is none where no action needs one', { disks: [], actions: [{ action: 'reboot' }] }, 'none'],
    [
      'is named once',
      {
        disks: [disk('/dev/sda'), small],
        actions: [
          { action: 'partition', disk: '/dev/sda' },
          { ...image, disk: '/dev/sdb' },
        ],
      },
      'plan.ambiguous',
    ],
    [
      'is confirmed for an agent that compares nothing',
      { disks: [disk('/dev/sda'), small], bootId: null },
      'plan.ambiguous',
    ],
    [
      'once confirmed is planned for such an agent too',
      { disks: [disk('/dev/sda'), small], bootId: null, confirmed: true },
      '/dev/sdb',
    ],
  ])('%s', (_rule, given, expected) => {
    expect(outcome(given)).toBe(expected);
  });

  it('is the same, or refused, whatever the order and the names that the kernel gave', () => {
    const kinds = fc.record({
      size: fc.constantFrom(120, 240, 480),
      model: fc.constantFrom('A', 'B'),
      hasData: fc.boolean(),
      removable: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(kinds, { minLength: 1, maxLength: 5 }), fc.nat(), (list, turn) => {
        const disks = (order: readonly number[]): StoredDisk[] =>
          order.map((n, i) => {
            const { size, model, hasData, removable } = list[n] ?? {
              size: 1,
              model: '',
              hasData: false,
              removable: false,
            };
            const device = `/dev/sd${String.fromCharCode(97 + i)}`;
            const contents = hasData ? [{ device, type: 'xfs' }] : [];
            return {
              device,
              size_bytes: size * GiB,
              model,
              serial: `serial-${n}`,
              contents,
              removable,
            };
          });
        const serialOf = (order: readonly number[]): string | undefined => {
          try {
            return plan({ disks: disks(order) }).disk?.serial ?? undefined;
          } catch {
            return undefined;
          }
        };
        const one = list.map((_, i) => i);
        const other = [...one.slice(turn % one.length), ...one.slice(0, turn % one.length)];
        const [a, b] = [serialOf(one), serialOf(other)];
        expect(a).toBe(b);
        expect(a === undefined || list[Number(a.slice(7))]?.hasData === false).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a plan', () => {
  it('says what is lost, what is left alone, what each action does, and what is in doubt', () => {
    const shown = plan({
      disks: [
        disk('/dev/sda', { contents: [{ device: '/dev/sda2', type: 'ext4', label: 'root' }] }),
        disk('/dev/sdb', { size_bytes: 900 * GiB }),
      ],
      os: debian,
      reimage: true,
      actions: [
        { action: 'image2disk', url: 'http://images/debian.raw' },
        { action: 'writefile', path: '/etc/hostname', content: '{{ freindly_name }}' },
        { action: 'reboot' },
      ],
    });
    expect(shown).toMatchObject({
      disk: { device: '/dev/sda', serial: 'S-sda', wwn: null },
      overwrites: true,
      lost: ['Debian 12', 'ext4 "root" on /dev/sda2'],
      left_alone: [{ device: '/dev/sdb' }],
      actions: [
        {
          action: 'image2disk',
          does: 'writes http://images/debian.raw to /dev/sda, all of which is lost',
        },
        { action: 'writefile', does: 'writes /etc/hostname on /dev/sda' },
        { action: 'reboot', does: 'reboots the machine' },
      ],
      timeout_seconds: 14_400,
      confirmation: 'none',
      confirmation_seconds: 1800,
      enforced: true,
    });
    expect(shown.warnings.join('\n')).toContain('without encryption and without a checksum');
    expect(shown.warnings.join('\n')).toContain('{{ freindly_name }} is not a variable');
  });

  it.each([
    ['{{ default_password | default("x") }}', 'default_password'],
    ['{{- hostname -}}', 'hostname'],
    ['{% if not ssh_authorized_keys %}', 'ssh_authorized_keys'],
    ['{{ ds.meta_data.hostname }}', undefined],
    ['{{ hostname.x }}', undefined],
    ['{{ hostname }}', undefined],
  ])('of a template with %s says that it is not filled in, where it is ours', (content, name) => {
    const writes = { action: 'writefile' as const, path: '/a', content };
    const shown = plan({ disks: [disk('/dev/sda')], actions: [writes] });
    const said = shown.warnings.filter((warning) => warning.includes('is an expression'));
    expect(said.join('\n')).toBe(
      name === undefined
        ? ''
        : `${content} is an expression and stays as it is: {{ ${name} }} alone is filled in`,
    );
  });

  it('that cannot be made says what the agent did not tell', () => {
    expect(() => plan({ disks: [disk('/dev/sda')], actions: withHints({ wwn: '5002' }) })).toThrow(
      '/dev/sda is one of which its agent did not tell that',
    );
  });

  it('does not leave alone another path to its disk, and says which file system is meant', () => {
    const shown = plan({
      disks: [
        disk('/dev/sda', { serial: 'M', paths: ['/dev/sdb'] }),
        disk('/dev/sdb', { serial: 'M', paths: ['/dev/sda'] }),
        disk('/dev/sdc', { size_bytes: 900 * GiB }),
      ],
      actions: [
        image,
        { action: 'writefile', path: '/a', content: '', target: 'esp' },
        { action: 'writefile', path: '/b', content: '', partition: 2 },
      ],
    });
    expect(shown.left_alone.map(({ device }) => device)).toEqual(['/dev/sdc']);
    expect(shown.actions.slice(1).map(({ does }) => does)).toEqual([
      'writes /a on the EFI system partition of /dev/sda',
      'writes /b on partition 2 of /dev/sda',
    ]);
  });

  it('shows no password, token or signature of a URL', () => {
    const shown = plan({
      disks: [disk('/dev/sda')],
      actions: [
        { action: 'image2disk', url: 'https://ada:p@ss@x:8443/a.raw?sig=s3cret' },
        { action: 'jetpack', url: 'https://t0ken@git/x.git' },
      ],
    });
    expect(JSON.stringify(shown)).not.toMatch(/ada|p@ss|s3cret|t0ken/);
    expect(shown.actions[0]?.does).toContain('writes https://x:8443/a.raw?… to');
    expect(shown.warnings[0]).toContain('https://x:8443/a.raw?… has no checksum');
  });

  it('is made of a long text in one pass', () => {
    const content = `{% if ${' '.repeat(500_000)}`;
    const writes = { action: 'writefile' as const, path: '/a', content };
    const { warnings } = plan({ disks: [disk('/dev/sda')], actions: [writes] });
    expect(warnings.filter((warning) => warning.includes('is an expression'))).toEqual([]);
  });

  it('names no disk for an agent that writes below a folder of its own', () => {
    const actions: TemplateAction[] = [{ action: 'writefile', path: '/hello.txt', content: 'x' }];
    const confined = plan({ disks: [disk('/dev/sda')], os: debian, actions, isConfined: true });
    expect(confined).toMatchObject({ disk: null, left_alone: [{ device: '/dev/sda' }] });
    expect(confined.actions[0]?.does).toBe(
      'writes /hello.txt below the folder of its agent, and nothing else',
    );
    expect(plan({ disks: [disk('/dev/sda')], actions }).disk).toMatchObject({ device: '/dev/sda' });
    const imaged = plan({ disks: [disk('/dev/sda')], isConfined: true });
    expect(imaged.warnings.join('\n')).toContain('present agent writes files below a folder');
    // No word of an agent makes an image harmless.
    expect(outcome({ disks: [disk('/dev/sda')], os: debian, isConfined: true })).toBe(
      'machine.has-os',
    );
  });

  it('names a field of an action that nobody knows, and the one that may be meant', () => {
    // Templates may have fields of newer versions.
    const actions = [{ ...image, dsk: 'auto', timeout: 60 }];
    const { warnings } = plan({ disks: [disk('/dev/sda')], actions });
    expect(warnings.filter((warning) => warning.includes('has no field'))).toEqual([
      'image2disk has no field dsk (disk?): an agent that does not know it refuses the workflow',
    ]);
  });

  it('says of a checksum that no file can have, and that agents refuse it', () => {
    const given = (checksum: string) => [
      { ...image, checksum },
      { action: 'jetpack' as const, url: 'https://x/play', checksum },
    ];
    const said = (checksum: string) =>
      plan({ disks: [disk('/dev/sda')], actions: given(checksum) }).warnings.filter((warning) =>
        warning.includes('the agent refuses the workflow'),
      );
    for (const wrong of ['sha512:abcd', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'a'.repeat(63)]) {
      expect(said(wrong)).toEqual([
        expect.stringContaining('image2disk: checksum must be sha256:DIGITS'),
        expect.stringContaining('jetpack: checksum must be sha256:DIGITS'),
      ]);
    }
    for (const right of ['', `sha512:${'a'.repeat(128)}`, 'https://x/SHA256SUMS']) {
      expect(said(right)).toEqual([]);
    }
  });

  it.each<[TemplateAction, string]>([
    [{ action: 'writefile', path: '/etc/', content: '' }, 'path must name a file'],
    [{ action: 'writefile', path: '/a', content: '', content_b64: '' }, 'one of them'],
    [{ action: 'writefile', path: '/a', content_b64: '***' }, 'is not base64'],
    [{ action: 'partition', efi_size: '64K' }, 'written like 512M'],
    [{ action: 'kexec', initrd: '/initrd' }, 'belongs to a kernel'],
    [{ action: 'seabios', boot_order: 'tape' }, 'boot_order has "tape"'],
    [{ action: 'jetpack', url: 'a b' }, 'without blanks'],
    [{ action: 'debootstrap', suite: 'Bookworm' }, 'there is no suite'],
  ])('says of %j that agents refuse it', (action, why) => {
    const { warnings } = plan({ disks: [disk('/dev/sda')], actions: [action] });
    const refused = warnings.filter((warning) => warning.includes('agent refuses the workflow as'));
    expect(refused).toEqual([expect.stringContaining(why)]);
  });

  it.each<TemplateAction>([
    { action: 'writefile', path: '/etc/keytab', content_b64: mask },
    { ...image, url: `${mask}/debian.raw` },
  ])('does not judge %j by what is shown in place of a secret', (action) => {
    const { warnings } = plan({ disks: [disk('/dev/sda')], actions: [action] });
    expect(warnings.join('\n')).not.toContain('agent refuses the workflow as');
  });

  it('says that nothing is known of what is on the disk, and of a disk without a name', () => {
    const { contents: _none, ...silent } = disk('/dev/sda', { serial: null });
    const { warnings, contents } = plan({ disks: [silent] });
    expect(contents).toBeNull();
    expect(warnings.join('\n')).toContain('did not say what is on /dev/sda');
    expect(warnings.join('\n')).toContain('neither serial nor WWN');
  });
});
