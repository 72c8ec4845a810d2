// Installs on one machine of each kind: firmware, processor, disk bus and sectors. The installed system reports.
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Arch } from '../../../initramfs/arch.ts';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { stateName } from '../../../src/model/machine.ts';
import { canBoot, canBootArm, directBoot, nic, pxeNetwork, runsAll, startVm } from '../harness.ts';
import { DiskFile, Installer, MiB, scratchFolder } from '../installer.ts';
import { makeSmallSystem, smallSystemActions } from '../small-system.ts';

interface MachineKind {
  readonly name: string;
  readonly arch?: Arch;
  readonly firmware: 'BIOS' | 'UEFI';
  /** Its controller, if it has one, and the disk on it. */
  readonly controller?: string;
  readonly device: string;
  readonly sectorBytes?: 512 | 4096;
  /** The planned device. */
  readonly planned: string;
}

const kinds: readonly MachineKind[] = [
  {
    name: 'a SCSI disk (virtio)',
    firmware: 'BIOS',
    controller: 'virtio-scsi-pci',
    device: 'scsi-hd',
    planned: '/dev/sda',
  },
  {
    name: 'a SCSI disk (virtio)',
    firmware: 'UEFI',
    controller: 'virtio-scsi-pci',
    device: 'scsi-hd',
    planned: '/dev/sda',
  },
  {
    name: 'a SAS disk behind a MegaRAID',
    firmware: 'BIOS',
    controller: 'megasas',
    device: 'scsi-hd',
    planned: '/dev/sda',
  },
  {
    name: 'an NVMe disk with sectors of 4096 bytes',
    firmware: 'UEFI',
    device: 'nvme,logical_block_size=4096,physical_block_size=4096',
    sectorBytes: 4096,
    planned: '/dev/nvme0n1',
  },
  {
    name: 'an arm64 processor and an NVMe disk',
    arch: 'arm64',
    firmware: 'UEFI',
    device: 'nvme',
    planned: '/dev/nvme0n1',
  },
];

function start(kind: MachineKind, disk: DiskFile, network: readonly string[]): Vm {
  const { arch = 'x64', firmware, controller, device } = kind;
  return startVm(
    [
      ...network,
      ...(arch === 'x64' ? ['-machine', 'q35'] : []),
      ...['-drive', `if=none,id=disk,file=${disk.path},format=raw,discard=unmap`],
      ...(controller === undefined ? [] : ['-device', `${controller},id=hba`]),
      ...['-device', `${device},drive=disk,serial=TARGET,bootindex=1`],
    ],
    { arch, uefi: firmware === 'UEFI', memoryMiB: 768 },
  );
}

describe('a machine installs, reboots and reports', () => {
  it.for(kinds)('$firmware with $name', async (kind, { skip }) => {
    const { arch = 'x64', sectorBytes = 512, planned } = kind;
    if (!(runsAll && canBoot) || (arch === 'arm64' && !canBootArm)) skip();
    const image = makeSmallSystem(arch, sectorBytes, scratchFolder());
    const installer = await Installer.start(dirname(image));
    const disk = new DiskFile(256 * MiB);
    // No iPXE of Debian's is for arm64: QEMU hands the image over, and its reboot is the end of that machine.
    const first =
      arch === 'x64'
        ? pxeNetwork(installer.boots.guestUrl, 'virtio-net-pci')
        : [...directBoot(installer.boots, '', arch), ...nic('virtio-net-pci', mac), '-no-reboot'];
    const vm = start(kind, disk, first);
    const { machine_id: id } = (await installer.boots.checkin(vm)).answer;
    const actions = smallSystemActions(`{{ server }}/images/${basename(image)}`);
    const workflow = await installer.queue(id, actions);
    const { plan } = (await installer.client.workflows.get(workflow)).spec;
    expect(plan?.disk).toMatchObject({ device: planned, serial: 'TARGET' });
    let running = vm;
    if (arch === 'arm64') {
      await vm.ended;
      running = start(kind, disk, nic('virtio-net-pci', mac));
    }
    const { status } = await installer.follow(workflow, running);
    expect(status).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true, error: null });
    expect(stateName((await installer.boots.machine(id)).status.state)).toBe('Provisioned');
  });
});

it.skipIf(!runsAll)('a kernel that kexec starts is reset by no watchdog', async () => {
  const image = makeSmallSystem('x64', 512, scratchFolder());
  const installer = await Installer.start(dirname(image));
  const [kind] = kinds;
  if (kind === undefined) throw new Error('there is no machine');
  const vm = start(kind, new DiskFile(256 * MiB), [
    ...[...directBoot(installer.boots), ...nic('virtio-net-pci', mac)],
    ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
  ]);
  const { machine_id: id } = (await installer.boots.checkin(vm)).answer;
  await vm.waitFor(/watchdog armed: i6300ESB timer, (\d+) s/, 60_000);
  const actions = smallSystemActions(`{{ server }}/images/${basename(image)}`).map((action) =>
    action.action === 'reboot' ? ({ action: 'kexec' } as const) : action,
  );
  const workflow = await installer.queue(id, actions);
  const { status } = await installer.follow(workflow, vm);
  expect(status).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true, error: null });
  expect(vm.console).toContain('watchdog disarmed');
  // Twice the 30 s of that watchdog, after which QEMU would start the netboot image again.
  const from = vm.console.length;
  await expect(vm.waitFor(/Linux version/, 60_000, from)).rejects.toThrow('60 s passed');
});

const mac = '52:54:00:00:0c:01';
