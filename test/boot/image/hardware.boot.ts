// Hardware that changes between two boots, and hardware that looks like another's: what is recognised
// and what is kept apart, read by the real agent from real firmware tables.
import { describe, expect, it } from 'vitest';
import {
  BootServer,
  canBoot,
  directBoot,
  disk,
  nic,
  runsAll,
  startVm,
  type Checkin,
} from '../harness.ts';

const uuidA = '8f1c2d3e-0001-4a5b-8c6d-7e8f90a1b2c3';
const uuidB = '8f1c2d3e-0002-4a5b-8c6d-7e8f90a1b2c3';
const placeholder = '03000200-0400-0500-0006-000700080009';

const mac = (n: number): string => `52:54:00:00:02:${n.toString(16).padStart(2, '0')}`;

function board(uuid: string): string[] {
  const type1 = `type=1,manufacturer=Supermicro,product=SYS-5019,serial=S1,uuid=${uuid}`;
  return ['-smbios', type1, '-smbios', 'type=0,vendor=AMI,version=1.0'];
}

/** Boots a machine until it has checked in, and turns it off. */
async function boot(server: BootServer, args: readonly string[], append = ''): Promise<Checkin> {
  const vm = startVm(['-machine', 'q35', ...directBoot(server, append), ...args], {
    memoryMiB: 256,
  });
  const checkin = await server.checkin(vm);
  await vm.stop();
  return checkin;
}

describe('a machine is the same', () => {
  it.skipIf(!canBoot)(
    'with a NIC swapped, then one added and its disk replaced, then its board replaced',
    async () => {
      const server = await BootServer.start();
      const virtio = (id: string, serial: string) => disk(`virtio-blk-pci,serial=${serial}`, id);
      const first = await boot(server, [
        ...board(uuidA),
        ...nic('virtio-net-pci', mac(1)),
        ...virtio('d0', 'DISK-A'),
      ]);
      expect(first.answer.is_new).toBe(true);
      expect(first.request['smbios_uuid']).toBe(uuidA);
      expect(first.request['disks']).toMatchObject([{ name: 'vda', serial: 'DISK-A' }]);

      const swapped = await boot(server, [
        ...board(uuidA),
        ...nic('e1000e', mac(2)),
        ...virtio('d0', 'DISK-A'),
      ]);
      expect(swapped.answer).toMatchObject({
        machine_id: first.answer.machine_id,
        matched_by: 'evidence',
      });

      // Firmware says which of two ports it booted from: without it, the one that is quicker is primary.
      const bootif = `BOOTIF=01-${mac(2).replaceAll(':', '-')}`;
      const ports = [...nic('e1000e', mac(2)), ...nic('virtio-net-pci', mac(3), 'n1')];
      const disks = virtio('d0', 'DISK-B');
      const grown = await boot(server, [...board(uuidA), ...ports, ...disks], bootif);
      expect(grown.answer.machine_id).toBe(first.answer.machine_id);
      expect(grown.request['disks']).toMatchObject([{ serial: 'DISK-B' }]);

      const reboarded = await boot(server, [...board(uuidB), ...ports, ...disks], bootif);
      expect(reboarded.answer).toMatchObject({
        machine_id: first.answer.machine_id,
        matched_by: 'primary_mac',
      });
      const machine = await server.machine(first.answer.machine_id);
      expect(machine.identity).toMatchObject({ smbios_uuid: uuidB, all_macs: [mac(2), mac(3)] });
    },
  );
});

describe('machines are kept apart', () => {
  it.skipIf(!canBoot)('with one placeholder for a UUID, which is no evidence', async () => {
    const server = await BootServer.start();
    const one = await boot(server, [...board(placeholder), ...nic('virtio-net-pci', mac(10))]);
    const two = await boot(server, [...board(placeholder), ...nic('virtio-net-pci', mac(11))]);
    expect(one.request).not.toHaveProperty('smbios_uuid');
    expect(two.answer).toMatchObject({ is_new: true, matched_by: 'new' });
    expect(two.answer.machine_id).not.toBe(one.answer.machine_id);
  });

  it.skipIf(!canBoot)('with one UUID, as clones that run side by side', async () => {
    const server = await BootServer.start();
    const start = (n: number) =>
      startVm([...directBoot(server), ...board(uuidA), ...nic('virtio-net-pci', mac(n))], {
        memoryMiB: 256,
      });
    const one = start(20);
    const first = await server.checkin(one);
    const two = start(21);
    // The first machine may check in again meanwhile, with an address that it got late.
    let second = await server.checkin(two);
    while (second.request['mac'] !== mac(21)) second = await server.checkin(two);
    // The UUID points at the first machine, which was heard while the second one booted.
    await server.heartbeat(one);
    await one.ask('system_reset');
    const again = await server.checkin(one);
    expect(second.answer.evidence.join(' ')).toContain(uuidA);
    expect(new Set([first, second, again].map((c) => c.answer.machine_id)).size).toBe(2);
  });
});

describe('disks', () => {
  it.skipIf(!runsAll)('none is an answer', async () => {
    const server = await BootServer.start();
    const { request } = await boot(server, nic('virtio-net-pci', mac(30)));
    expect(request['disks']).toEqual([]);
  });

  it.skipIf(!runsAll)(
    '24 behind four kinds of controller are all there, with their serials',
    async () => {
      const server = await BootServer.start();
      const serials: string[] = [];
      const add = (device: string): string[] => {
        const serial = `SN${String(serials.length).padStart(3, '0')}`;
        serials.push(serial);
        return disk(`${device},serial=${serial}`, `d${serials.length}`);
      };
      const args = [
        ...['-device', 'virtio-scsi-pci,id=vs', '-device', 'megasas,id=ms'],
        ...Array.from({ length: 4 }, () => add('virtio-blk-pci')).flat(),
        ...Array.from({ length: 8 }, (_, i) => add(`scsi-hd,bus=vs.0,scsi-id=${i}`)).flat(),
        ...Array.from({ length: 6 }, (_, i) => add(`scsi-hd,bus=ms.0,scsi-id=${i}`)).flat(),
        ...Array.from({ length: 3 }, () => add('nvme')).flat(),
        ...Array.from({ length: 3 }, (_, i) => add(`ide-hd,bus=ide.${i}`)).flat(),
      ];
      const vm = startVm(
        ['-machine', 'q35', ...directBoot(server), ...args, ...nic('e1000e', mac(31))],
        { memoryMiB: 512 },
      );
      const { request } = await server.checkin(vm);
      // Every inventory field of a disk is the agent's to name; the serial is the stock agent's.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const found = (request['disks'] as { serial?: string }[]).map((d) => d.serial);
      expect(new Set(found)).toEqual(new Set(serials));
      expect(found).toHaveLength(24);
    },
  );
});
