// The image while it runs: its screens, its network as cables move, and the agent as it hangs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { overlayImage } from '../../initramfs/overlay.ts';
import { projectDir } from '../../initramfs/tools.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { BootServer, bootDir, canBoot, directBoot, nic, startVm } from './harness.ts';

/** Prints the text of the first screen on the serial console, between two marks, once it has a name. */
const photographer = `#!/bin/sh
until grep -q 'checked in' /run/dragonfly/agent.log; do sleep 1; done
sleep 7
echo '<<<' > /dev/console
fold -w 80 /dev/vcs1 > /dev/console
echo '>>>' > /dev/console
`;

it.skipIf(!canBoot)(
  'the first screen shows the machine, and its log reaches the server',
  async () => {
    const server = await BootServer.start();
    const image = join(temporaryDirectory(), 'initramfs');
    const inittab = readFileSync(join(projectDir, 'initramfs/root/etc/inittab'), 'utf8');
    overlayImage(
      join(bootDir, 'x86_64', 'initramfs'),
      {
        'lib/dragonfly/photograph': photographer,
        'etc/inittab': `${inittab}::once:/lib/dragonfly/photograph\n`,
      },
      image,
    );
    const vm = startVm([
      ...[...directBoot(server), '-initrd', image, '-vga', 'std'],
      ...['-smbios', 'type=1,manufacturer=Example,product=Server 7,serial=SN4711'],
      ...nic('virtio-net-pci', '52:54:00:00:09:01'),
    ]);
    const { answer } = await server.checkin(vm);
    const [, screen = ''] = await vm.waitFor(/<<<([^]*)>>>/, 120_000);
    for (const text of [
      answer.memorable_name,
      'Example Server 7, serial SN4711',
      /eth0 52:54:00:00:09:01 link/,
      /Address +10\.0\.2\.15/,
      server.guestUrl,
      'registered; nothing to do',
      'Alt+F2 opens a shell',
    ]) {
      expect(screen).toMatch(text);
    }
    const lines = await server.logs(answer.machine_id);
    expect(lines.map(({ source, text }) => `${source} ${text}`).join('\n')).toMatch(
      /boot image [^]*boot eth0 is 10\.0\.2\.15\/24[^]*agent checked in/,
    );
  },
);
