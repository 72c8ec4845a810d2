// The actions of the templates that are published for Dragonfly, as they are served: the agent takes each
// with its fields.
import { expect, it } from 'vitest';
import { workflowActions } from '../../../src/actions/actions.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { fileAsk } from '../workplace.ts';

const seed = (path: string) => ({
  action: 'writefile',
  path,
  partition: 1,
  content: 'x\n',
  mode: '0644',
});
const cloud = [
  { action: 'image2disk', url: 'https://cloud.example/debian-13.tar.xz', disk: 'auto' },
  seed('/etc/cloud/ds-identify.cfg'),
  seed('/var/lib/cloud/seed/nocloud/user-data'),
];

type Fields = Readonly<Record<string, unknown>> & { readonly action: string };

it.each<[string, readonly Fields[]]>([
  ['debian-13', [...cloud, { action: 'kexec', partition: 1, cmdline: 'ro quiet' }]],
  ['rocky-10', [...cloud, { action: 'reboot' }]],
  [
    'proxmox',
    [
      ...cloud,
      { action: 'chroot', disk: '{{ destination_disk }}', partition: 1 },
      { action: 'jetpack', url: 'http://192.0.2.1/playbooks/debian-to-proxmox.tar.gz' },
      { action: 'chroot', teardown: true },
      { action: 'kexec' },
    ],
  ],
  [
    'proxmox-debootstrap',
    [
      { action: 'debootstrap', suite: 'trixie', disk: 'auto', layout: 'gpt-bios' },
      { action: 'chroot', disk: 'auto', partition: 2 },
      { action: 'efibootmgr', set_pxe_first: true },
      { action: 'seabios', set_pxe_first: true, boot_order: 'pxe,hdd,cdrom,floppy' },
    ],
  ],
])('%s', (_, actions) => {
  const { check, runners } = workflowActions({
    root: MemoryRoot.of({}),
    clock: systemClock,
    random: () => 0,
    ask: fileAsk,
    disks: async () => [],
    planned: undefined,
    servers: [],
  });
  for (const { action, ...fields } of actions) {
    expect(Object.keys(runners)).toContain(action);
    expect(() => check({ action, fields })).not.toThrow();
  }
});
