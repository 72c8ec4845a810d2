// Disks that hang: the machine finds its network and leaves all the same.
import { expect, it } from 'vitest';
import { imageRunning } from '../changed-image.ts';
import { BootServer, directBoot, disk, nic, runsAll, startVm } from '../harness.ts';
import { taggedPort } from '../tagged-port.ts';

/** Disks that never answer. The BIOS leaves them alone: it is not to boot them. QEMU tells that it is asked to end, by a reset
 *  too, and then waits for them itself. */
function hanging(count: number): string[] {
  const disks = Array.from({ length: count }, (_, i) => {
    const [option = '', drive = '', ...device] = disk(`nvme,serial=HANGS${i}`, `h${i}`);
    return [option, `${drive},latency-ns=3600000000000`, ...device];
  });
  return ['-machine', 'q35', '-boot', 'strict=on', '-no-reboot', ...disks.flat()];
}

/** A controller that is reset stops QEMU. */
const noReset = 'nvme_core.io_timeout=3600';

const leaving = (how: 'poweroff' | 'reboot'): string => `#!/bin/sh
until grep -qs 'checked in' /run/dragonfly/agent.log; do sleep 1; done
# The shell's own would wait for every disk.
exec /bin/${how}
`;

it.skipIf(!runsAll)(
  'eight that hang keep neither the network, a VLAN, nor another one, nor a power-off (4 min)',
  async () => {
    const server = await BootServer.start();
    const vm = startVm([
      ...directBoot(server, `${noReset} vlan=100`),
      ...['-initrd', imageRunning(leaving('poweroff')), ...hanging(8)],
      ...disk('virtio-blk-pci,serial=GOOD', 'good'),
      ...(await taggedPort(100, '52:54:00:00:02:33')),
    ]);
    await vm.waitFor(/a driver waits for a device that does not answer/, 180_000);
    const { request } = await server.checkin(vm);
    expect(request['disks']).toContainEqual(expect.objectContaining({ serial: 'GOOD' }));
    expect(vm.console).toMatch(/eth0\.100 is 10\.0\.2\.15/);
    await vm.waitFor(/leaving without it/, 180_000);
    // The kernel shuts down each device before it switches off.
    await vm.waitFor(/the kernel cannot switch this machine off: it is reset/, 60_000);
    expect(await vm.event('SHUTDOWN')).toMatchObject({ reason: 'guest-reset' });
  },
);

const bonded = ['52:54:00:00:02:34', '52:54:00:00:02:35'];
const usb = ['-device', 'qemu-xhci', '-netdev', 'user,id=u0', '-device', 'usb-net,netdev=u0'];

it.skipIf(!runsAll).each([
  [
    'a bond',
    'bond=bond0:eth0,eth1',
    bonded.flatMap((mac, i) => nic('virtio-net-pci', mac, `n${i}`)),
    /bond0 is 10\.0\.2\.15/,
  ],
  ['a port on USB', '', usb, /usb0 is 10\.0\.2\.15/],
])(
  'one that hangs keeps neither %s from the network, nor a reboot (4 min)',
  async (_, append, ports, address) => {
    const server = await BootServer.start();
    const vm = startVm([
      ...directBoot(server, `${noReset} ${append}`),
      ...['-initrd', imageRunning(leaving('reboot')), ...hanging(1), ...ports],
    ]);
    await server.checkin(vm);
    expect(vm.console).toMatch(address);
    await vm.waitFor(/leaving without it/, 240_000);
    expect(await vm.event('SHUTDOWN')).toMatchObject({ reason: 'guest-reset' });
  },
);
