import { describe, expect, it } from 'vitest';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Template, TemplateAction } from '../../../../src/model/documents/template.ts';
import { planWorkflow } from '../../../../src/server/rules/plan/plan.ts';
import { mask } from '../../../../src/server/rules/settings/secret-settings.ts';
import { newMachine } from '../machine.ts';
import { GiB, debian, disk, image, plan, outcome, withHints } from './given.ts';

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

  it.each<[string, Partial<StoredDisk>, boolean]>([
    ['on FC', { transport: 'fc' }, true],
    ['on SAS by two paths', { transport: 'sas', paths: ['/dev/sda', '/dev/sdb'] }, true],
    ['on SAS by one', { transport: 'sas' }, false],
    ['on SATA', { transport: 'sata' }, false],
  ])('warns of a disk that other machines may write too: %s', (_, more, isWarned) => {
    const { warnings } = plan({ disks: [disk('/dev/sda', more)] });
    expect(warnings.some((one) => one.includes('no other machine uses it'))).toBe(isWarned);
  });
});
