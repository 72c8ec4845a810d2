// Disks that cannot hold an image, fail or lie, and disks with data: an install ends in Error with its reason, and
// nothing is written that nobody agreed to. One machine has them all.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { stateName } from '../../../src/model/machine.ts';
import { gptImage } from '../../actions/images.ts';
import { canBoot, directBoot, disk, nic, startVm } from '../harness.ts';
import { DiskFile, Installer, MiB, scratchFolder } from '../installer.ts';

const imageMiB = 48;
const sectorBytes = 512;

/** A disk whose medium is broken at one sector, to be read or to be written. */
function brokenAt(offset: number, iotype: 'read' | 'write', file: DiskFile): object {
  const sector = offset / sectorBytes;
  const fault = { event: `${iotype}_aio`, iotype, sector, errno: 5, once: false };
  return {
    driver: 'raw',
    file: {
      driver: 'blkdebug',
      image: { driver: 'file', filename: file.path },
      'inject-error': [fault],
    },
  };
}

/** A host that is very slow does not read the disks in time. */
const refused = { code: expect.stringMatching(/^plan\.(has-data|unread)$/) };

const wholeDisk = (file: DiskFile): object => ({
  driver: 'raw',
  file: { driver: 'file', filename: file.path },
});

/** QEMU's arguments for a disk with a serial. */
function blockDisk(serial: string, block: object): string[] {
  const node = JSON.stringify({ 'node-name': serial, ...block });
  return ['-blockdev', node, '-device', `virtio-blk-pci,drive=${serial},serial=${serial}`];
}

it.skipIf(!canBoot)(
  'an install on a bad disk ends in Error and says why; data goes only where that is said',
  async () => {
    const folder = scratchFolder();
    const image = gptImage(join(folder, 'disk.raw'), imageMiB);
    const installer = await Installer.start(folder);
    const used = new DiskFile(2 * imageMiB * MiB);
    writeFileSync(used.path, gptImage(join(scratchFolder(), 'old.raw'), 20), { flag: 'r+' });
    const before = hashOf(used);

    const short = new DiskFile(imageMiB * MiB - sectorBytes);
    const [broken, unreadable] = [new DiskFile(64 * MiB), new DiskFile(64 * MiB)];
    const machine = ['-machine', 'q35', ...nic('virtio-net-pci', '52:54:00:00:0b:01')];
    const vm = startVm([
      ...directBoot(installer.boots),
      ...machine,
      ...blockDisk('SHORT', wholeDisk(short)),
      ...blockDisk('BROKEN', brokenAt(23 * MiB, 'write', broken)),
      ...blockDisk('UNREADABLE', brokenAt(23 * MiB, 'read', unreadable)),
      ...disk('virtio-blk-pci,serial=LIAR', 'liar'),
      ...blockDisk('USED', wholeDisk(used)),
    ]);
    const { answer } = await installer.boots.checkin(vm);
    const id = answer.machine_id;
    const write = { action: 'image2disk' as const, url: '{{ server }}/images/disk.raw' };

    for (const [serial, reason] of [
      ['SHORT', /has 50331648 bytes and \/dev\/vd. has 50331136; choose a larger disk/],
      ['BROKEN', /cannot write .* of \/dev\/vd.: .*replace the disk.*EIO/],
      ['UNREADABLE', /cannot read .* of \/dev\/vd.: .*replace the disk.*EIO/],
      ['LIAR', /\/dev\/vd. does not return what was written near byte \d+: replace the disk/],
    ] as const) {
      const workflow = await installer.queue(id, [{ ...write, root_device: { serial } }]);
      const failed = { workflow: 'STATE_FAILED', error: expect.stringMatching(reason) };
      expect(await installer.outcome(workflow, vm)).toEqual({ ...failed, machine: 'Error' });
    }
    for (const file of [short, broken, unreadable]) expect(file.isUnbootable).toBe(true);

    const { disks } = (await installer.boots.machine(id)).hardware;
    const device = disks.find(({ serial }) => serial === 'USED')?.device ?? '';
    const action = { ...write, disk: device };
    await expect(installer.queue(id, [action])).rejects.toMatchObject(refused);
    expect(hashOf(used)).toBe(before);

    const again = await installer.follow(
      await installer.queue(id, [action], { reimage: true }),
      vm,
    );
    expect(again.status).toMatchObject({ state: 'STATE_SUCCESS' });
    expect(used.read(2 * MiB, (imageMiB - 3) * MiB).equals(image.subarray(2 * MiB, -MiB))).toBe(
      true,
    );
    expect(stateName((await installer.boots.machine(id)).status.state)).toBe('Provisioned');
    await expect(installer.queue(id, [action])).rejects.toMatchObject(refused);
  },
);

function hashOf({ path }: DiskFile): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
