// From power-on through iPXE, TFTP and HTTP to the check-in, on both kinds of firmware.
import { expect, it } from 'vitest';
import { TestCa } from '../../transport/test-ca.ts';
import { BootServer, canBoot, pxeNetwork, startVm } from '../harness.ts';

it.skipIf(!canBoot)(
  'a BIOS machine boots by iPXE, checks in, beats, and is the same after a reboot',
  async () => {
    const server = await BootServer.start();
    const vm = startVm([
      '-machine',
      'q35',
      ...pxeNetwork(server.guestUrl, 'virtio-net-pci,mac=52:54:00:00:00:01'),
    ]);
    const { request, answer } = await server.checkin(vm);
    expect(answer).toMatchObject({ is_new: true, action: 'wait' });
    expect(request).toMatchObject({ mac: '52:54:00:00:00:01', is_virtual: true });
    expect(request).not.toHaveProperty('machine_id');
    await server.heartbeat(vm);

    await vm.ask('system_reset');
    const again = await server.checkin(vm);
    expect(again.answer).toMatchObject({
      machine_id: answer.machine_id,
      is_new: false,
      matched_by: 'identity_hash',
    });
    expect(again.request['boot_id']).not.toBe(request['boot_id']);
  },
);

it.skipIf(!canBoot)(
  'a UEFI machine boots without TLS, and its agent checks in with it',
  async () => {
    const ca = new TestCa();
    const server = await BootServer.start({
      tls: ca.issue('IP:10.0.2.2', '2020-01-01', '2090-01-01'),
    });
    expect(server.guestUrl).toMatch(/^https:/);
    const files = await server.listenForBoots();
    const vm = startVm(['-machine', 'q35', ...pxeNetwork(files, 'e1000,mac=52:54:00:00:00:02')], {
      uefi: true,
    });
    const { request } = await server.checkin(vm);
    expect(request).toMatchObject({ mac: '52:54:00:00:00:02', is_virtual: true });
  },
);
