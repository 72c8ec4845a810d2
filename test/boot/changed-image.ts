// The netboot image with scripts of a test's own beside those that it starts.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { overlayImage } from '../../initramfs/content/overlay.ts';
import { projectDir } from '../../initramfs/tools.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { bootDir, directBoot, type BootServer } from './harness.ts';

/** A file of the image that is a script, or read by its init. */
export function ownFile(path: string): string {
  return readFileSync(join(projectDir, 'initramfs/root', path), 'utf8');
}

/** Writes an image, that of a folder, which runs `script` once in each boot, and has `more` files, by their paths, in place
 *  of its own. Gives the path of its initramfs, which is gone when the test ends. */
export function imageRunning(
  script: string,
  more: Readonly<Record<string, string>> = {},
  folder = join(bootDir, 'x86_64'),
): string {
  const image = join(temporaryDirectory(), 'initramfs');
  const own = 'lib/dragonfly/of-the-test';
  const inittab = `${ownFile('etc/inittab')}::once:/${own}\n`;
  const files = { [own]: script, 'etc/inittab': inittab, ...more };
  overlayImage(join(folder, 'initramfs'), files, image);
  return image;
}

/** Arguments to start an image that also posts its whole inventory, of which a check-in is a part, and
 *  that inventory once it has come. */
export async function reportingBoot(
  server: BootServer,
): Promise<{ args: string[]; inventory: Promise<Inventory> }> {
  const { promise, resolve } = Promise.withResolvers<Inventory>();
  const receiver = createServer((request, response) => {
    const body = text(request);
    resolve(body.then((json): Inventory => JSON.parse(json)));
    request.once('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  onTestFinished(() => {
    receiver.close();
  });
  // The address of a server that listens on TCP is an object.
  const { port } = receiver.address() as AddressInfo;
  const report = `#!/bin/sh
until [ -e /run/dragonfly/network ]; do sleep 1; done
# The agent reads at the same time, and an old card answers neither in time: then it is read once more.
for try in 1 2 3; do
  dragonfly-agent inventory --json > /tmp/inventory
  grep -q '"primary_mac": *"' /tmp/inventory && break
done
wget -q -O /dev/null --post-file /tmp/inventory http://10.0.2.2:${port}/
`;
  return { args: [...directBoot(server), '-initrd', imageRunning(report)], inventory: promise };
}
