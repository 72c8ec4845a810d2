// A disk is pulled and another one pushed in while an install waits for its image: the new disk must not be written,
// although the kernel would give it the name of the old one.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { gptImage } from '../../actions/images.ts';
import { canBoot, directBoot, nic, startVm } from '../harness.ts';
import { DiskFile, Installer, MiB, scratchFolder } from '../installer.ts';

/** QEMU's arguments for the medium of a disk. */
function medium(name: string, { path }: DiskFile): string[] {
  return ['-blockdev', `driver=raw,node-name=${name},file.driver=file,file.filename=${path}`];
}

it.skipIf(!canBoot)(
  'a disk that takes the place of the planned one during an install is not written',
  async () => {
    const image = gptImage(join(scratchFolder(), 'disk.raw'), 16);
    const asked = Promise.withResolvers<ServerResponse>();
    const images = createServer((_, response) => asked.resolve(response));
    await new Promise<void>((resolve) => {
      images.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      images.closeAllConnections();
      images.close();
    });
    // A server that listens on TCP has an address with a port.
    const { port } = images.address() as AddressInfo;

    const installer = await Installer.start(scratchFolder());
    const [planned, late] = [new DiskFile(64 * MiB), new DiskFile(64 * MiB)];
    const vm = startVm([
      ...directBoot(installer.boots),
      ...nic('virtio-net-pci', '52:54:00:00:0b:02'),
      ...['-device', 'virtio-scsi-pci'],
      ...[...medium('planned', planned), ...medium('late', late)],
      ...['-device', 'scsi-hd,drive=planned,serial=planned,id=planned'],
    ]);
    const { answer } = await installer.boots.checkin(vm);
    const workflow = await installer.queue(answer.machine_id, [
      {
        action: 'image2disk',
        url: `http://10.0.2.2:${port}/disk.raw`,
        root_device: { serial: 'planned' },
      },
    ]);
    const response = await Promise.race([
      asked.promise,
      installer.follow(workflow, vm).then(({ status }) => {
        throw new Error(`no image was asked for: ${JSON.stringify(status)}`);
      }),
    ]);
    await vm.ask('device_del', { id: 'planned' });
    await vm.event('DEVICE_DELETED');
    await vm.ask('device_add', { driver: 'scsi-hd', drive: 'late', serial: 'late' });
    await vm.waitFor(/(Power-on or device reset occurred[^]*){2}/, 60_000);
    response.writeHead(200, { 'content-length': image.length }).end(image);

    const outcome = await installer.outcome(workflow, vm);
    expect(late.read(0, 64 * MiB).every((byte) => byte === 0)).toBe(true);
    expect(outcome).toMatchObject({ workflow: 'STATE_FAILED', machine: 'Error' });
    expect(outcome.error).toMatch(/cannot open \/dev\/sda: it was unplugged/);
  },
);
