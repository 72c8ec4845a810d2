// The image of servers, on each processor: its modules lie apart and are packed as no other image's, and it has ipmitool.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { architectures } from '../../../initramfs/arch.ts';
import { ensureImage } from '../../../initramfs/ensure-image.ts';
import { imageRunning } from '../changed-image.ts';
import { BootServer, canBootArm, handOver, nic, runsAll, startVm } from '../harness.ts';

/** Has the kernel unpack every module, and the controller say what it is. */
const reader = `#!/bin/sh
until grep -qs 'checked in' /run/dragonfly/agent.log; do sleep 1; done
all=$(find /drivers -type f)
cat $all > /dev/null && echo "read $(echo "$all" | wc -l) files" > /dev/console
ipmitool -V > /dev/console 2>&1
ipmitool mc info > /dev/console 2>&1
`;

/** QEMU has a management controller for x64 alone. */
const kinds = [
  {
    arch: 'x64',
    controller: ['-device', 'ipmi-bmc-sim,id=bmc', '-device', 'pci-ipmi-kcs,bmc=bmc'],
    says: /IPMI Version +: 2\.0/,
  },
  { arch: 'arm64', controller: [], says: /ipmitool version \d/ },
] as const;

it.skipIf(!runsAll).for(kinds)(
  '$arch: a machine checks in from it, each of its modules can be read, and ipmitool works',
  async ({ arch, controller, says }, { skip }) => {
    if (arch === 'arm64' && !canBootArm) skip();
    const dir = await ensureImage(arch, 'server');
    const server = await BootServer.start();
    const image = imageRunning(reader, {}, join(dir, architectures[arch].boot));
    const vm = startVm(
      [
        ...handOver(`dragonfly.url=${server.guestUrl}`, arch, dir),
        ...['-initrd', image, ...nic('virtio-net-pci', '52:54:00:00:0f:01')],
        ...controller,
      ],
      { arch, uefi: arch === 'arm64' },
    );
    const { request } = await server.checkin(vm);
    expect(request).toMatchObject({ mac: '52:54:00:00:0f:01' });
    const [, files] = await vm.waitFor(/read (\d+) files/, 180_000);
    expect(Number(files)).toBeGreaterThan(300);
    await vm.waitFor(says, 60_000);
  },
);
