// A machine with an arm64 processor, by UEFI and by the device tree alone.
import { expect, it } from 'vitest';
import { BootServer, canBootArm, directBoot, disk, nic, runsAll, startVm } from '../harness.ts';

const mac = '52:54:00:00:04:01';

it.skipIf(!canBootArm)(
  'an arm64 machine with UEFI checks in, beats, and is the same after a reboot',
  async () => {
    const server = await BootServer.start();
    const uuid = '8f1c2d3e-0003-4a5b-8c6d-7e8f90a1b2c3';
    const vm = startVm(
      [
        ...directBoot(server, '', 'arm64'),
        ...['-smbios', `type=1,manufacturer=Ampere,product=Altra,serial=A1,uuid=${uuid}`],
        ...['-smp', '2', ...nic('virtio-net-pci', mac), ...disk('nvme,serial=NV1', 'd0')],
      ],
      { arch: 'arm64', uefi: true },
    );
    const { request, answer } = await server.checkin(vm);
    expect(request).toMatchObject({
      mac,
      all_macs: [mac],
      smbios_uuid: uuid,
      cpu_model: 'ARM Cortex-A72',
      cpu_cores: 2,
      cpu_threads: 2,
      memory_bytes: 512 * 1024 ** 2,
      is_virtual: true,
      virt_platform: 'qemu',
      disks: [{ name: 'nvme0n1', serial: 'NV1', type: 'nvme', size_bytes: 8 * 1024 ** 3 }],
      problems: [],
    });
    expect(answer.is_new).toBe(true);
    await server.heartbeat(vm);
    await vm.ask('system_reset');
    const again = await server.checkin(vm);
    expect(again.answer).toMatchObject({
      machine_id: answer.machine_id,
      matched_by: 'identity_hash',
    });
  },
);

it.skipIf(!canBootArm || !runsAll)(
  'an arm64 machine without UEFI and SMBIOS is known by its MAC',
  async () => {
    const server = await BootServer.start();
    const args = [...directBoot(server, '', 'arm64'), ...nic('e1000e', mac)];
    const { request } = await server.checkin(startVm(args, { arch: 'arm64' }));
    expect(request).toMatchObject({ mac, all_macs: [mac], is_virtual: true });
    expect(request).not.toHaveProperty('smbios_uuid');
  },
);
