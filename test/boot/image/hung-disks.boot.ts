// Disks that hang or are slow: the machine finds its network and leaves all the same, and loses nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../../initramfs/tools.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { imageRunning } from '../changed-image.ts';
import { BootServer, directBoot, disk, handOver, nic, runsAll, startVm } from '../harness.ts';
import { taggedPort } from '../tagged-port.ts';

const MiB = 1024 * 1024;

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

/** Writes to a disk as soon as there is a network, and leaves. What is open is not written out by itself. */
const writing = (how: 'poweroff' | 'reboot'): string => `#!/bin/sh
until [ -e /run/dragonfly/network ]; do sleep 1; done
exec 9> /dev/vda
yes 'nothing is lost' | head -c ${6 * MiB} >&9
awk '/^(Dirty|Writeback):/ { sum += $2 } END { print "WRITTEN, with " sum " kB to go" }' /proc/meminfo > /dev/console
/bin/${how}
exec sleep 1000
`;

it.skipIf(!runsAll).each([
  ['poweroff', /WRITTEN, with (\d+) kB to go/],
  ['reboot', /WRITTEN, with (\d+) kB to go[^]*Linux version/],
] as const)(
  'a %s waits for a disk that is slow, and nothing is lost (2 min)',
  async (how, pattern) => {
    const image = join(temporaryDirectory(), 'slow.img');
    run('truncate', ['--size', '64M', image]);
    const vm = startVm([
      ...[...handOver(''), '-initrd', imageRunning(writing(how))],
      // 6 MiB take more than a minute.
      ...['-drive', `if=none,id=slow,format=raw,file=${image},throttling.bps-write=${MiB / 16}`],
      ...['-device', 'virtio-blk-pci,drive=slow', ...nic('virtio-net-pci', '52:54:00:00:02:36')],
    ]);
    const [, outstanding] = await vm.waitFor(pattern, 300_000);
    if (how === 'poweroff') await vm.ended;
    expect(Number(outstanding)).toBeGreaterThan(1000);
    expect(vm.console).not.toContain('leaving without it');
    await vm.stop();
    const written = readFileSync(image).subarray(0, 6 * MiB);
    expect(written.equals(Buffer.alloc(6 * MiB, 'nothing is lost\n'))).toBe(true);
  },
);
