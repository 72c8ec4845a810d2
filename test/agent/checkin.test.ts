// From a host's files to the record of its machine: what is there, what is gone, and what could not be
// looked at.
import { describe, expect, it } from 'vitest';
import { checkinRequest } from '../../src/agent/checkin.ts';
import { version } from '../../src/cli/version.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { collectInventory } from '../../src/inventory/inventory.ts';
import type { CheckinRequest } from '../../src/model/api/agent.ts';
import { RecordingRoot, ReplayRoot } from '../../src/sources/captured/recording.ts';
import type { Root } from '../../src/sources/root.ts';
import { device } from '../probes/contents/device.ts';
import { denied } from '../probes/host.ts';
import { MemoryRoot, type Entry } from '../probes/memory-root.ts';
import { registrar } from '../server/harness.ts';
import { opened } from '../store/backends.ts';

type Files = Readonly<Record<string, Entry>>;

const nic = '/sys/devices/pci0000:00/0000:00:02.0';
const sata = '/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
const gpu = '/sys/bus/pci/devices/0000:3b:00.0';
const mac = '52:54:00:00:00:01';

/** The netboot image on a machine with one port. */
const image: Files = {
  '/etc/dragonfly-image': '{}',
  '/proc/cmdline': `BOOTIF=01-${mac.replaceAll(':', '-')}\n`,
  '/sys/class/net/eth0': { link: `${nic}/net/eth0` },
  [`${nic}/net/eth0/device`]: { link: nic },
  [`${nic}/net/eth0/address`]: `${mac}\n`,
  [`${nic}/net/eth0/type`]: '1\n',
};
const disk: Files = {
  '/sys/block/sda': { link: `${sata}/block/sda` },
  [`${sata}/block/sda/device`]: { link: sata },
  [`${sata}/block/sda/size`]: '2097152\n',
  '/sys/class/block/sda/size': '2097152\n',
  '/dev/sda': device(2 ** 30),
  '/mnt/etc/os-release': 'NAME=Debian\n',
};
/** A file system on it, mounted at /mnt. */
const system: Files = {
  '/dev/sda': device(2 ** 30, [1080, '\u0053\u00ef']),
  '/sys/class/block/sda/dev': '8:0\n',
  '/proc/self/mountinfo': '36 35 8:0 / /mnt rw - ext4 /dev/sda rw\n',
};
const card: Files = { [`${gpu}/class`]: '0x030200\n', [`${gpu}/vendor`]: '0x10de\n' };

const full = { ...image, ...disk, ...system, ...card };

async function bodyOf(root: Root, agentVersion = version): Promise<CheckinRequest> {
  return checkinRequest(await collectInventory(root), { agentVersion });
}

/** The record of a machine that had everything, after it was booted again as `files`. */
async function recordAfter(files: Files, agentVersion = version) {
  const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  const ask = registrar(await opened('memory:'), clock);
  let record;
  for (const [boot, host] of [full, files].entries()) {
    const body = await bodyOf(MemoryRoot.of(host), agentVersion);
    record = await ask({ ...body, boot_id: `boot ${boot}` });
  }
  if (record === undefined || record.isNew) throw new Error('it was not recognised');
  const { identity, hardware, report } = record.machine.value;
  return { identity, hardware, report };
}

describe('a check-in', () => {
  it('tells what was found', async () => {
    expect(await bodyOf(MemoryRoot.of(full))).toMatchObject({
      mac,
      all_macs: [mac],
      disks: [{ name: 'sda', size_bytes: 2 ** 30 }],
      gpus: [{ vendor: 'NVIDIA' }],
      existing_os: { name: 'Debian', device: '/dev/sda' },
    });
  });

  it('tells that there is none of what was looked for', async () => {
    const body = await bodyOf(MemoryRoot.of(image));
    expect(body).toMatchObject({ disks: [], gpus: [], existing_os: null });
  });

  it.each<[string, keyof CheckinRequest, Files]>([
    ['disks', 'disks', { '/sys/block': denied('/sys/block') }],
    ['GPUs', 'gpus', { '/sys/bus/pci/devices': denied('/sys/bus/pci/devices') }],
    ['volumes', 'existing_os', { '/sys/class/block': denied('/sys/class/block') }],
    ['ports', 'interfaces', { '/sys/class/net': denied('/sys/class/net') }],
  ])('leaves out %s that could not be listed, and says why', async (_, field, refusal) => {
    const body = await bodyOf(MemoryRoot.of({ ...image, ...refusal }));
    expect(body).not.toHaveProperty(field);
    expect(body.problems?.map((problem) => problem.source)).toContain(Object.keys(refusal)[0]);
  });

  it('says nothing of installed systems on an installed host', async () => {
    const { '/etc/dragonfly-image': _image, ...installed } = full;
    expect(await bodyOf(MemoryRoot.of(installed))).not.toHaveProperty('existing_os');
  });

  it('does not take the port booted from for all of them where ports could not be listed', async () => {
    const refusal = { '/sys/class/net': denied('/sys/class/net') };
    const body = await bodyOf(MemoryRoot.of({ ...image, ...refusal }));
    expect(body).toMatchObject({ mac });
    expect(body).not.toHaveProperty('all_macs');
  });

  it('does not take the ports that can be read for all of them', async () => {
    const address = '/sys/class/net/eth1/address';
    const other = '/sys/devices/pci0000:00/0000:00:03.0';
    const body = await bodyOf(
      MemoryRoot.of({
        ...image,
        '/sys/class/net/eth1': { link: `${other}/net/eth1` },
        [`${other}/net/eth1/device`]: { link: other },
        [`${other}/net/eth1/type`]: '1\n',
        [`${other}/net/eth1/address`]: denied(address),
      }),
    );
    expect(body).toMatchObject({ mac, problems: [{ section: 'network', source: address }] });
    for (const field of ['all_macs', 'interfaces', 'identity_hash']) {
      expect(body).not.toHaveProperty(field);
    }
  });

  it('tells a problem without the secret in it', async () => {
    const inventory = await collectInventory(MemoryRoot.of(image));
    const about = { code: 'read.failed', section: 'disks', source: 'iscsiadm' };
    inventory.problems.push({ ...about, message: 'it printed password=hunter22 and ended' });
    expect(checkinRequest(inventory, { agentVersion: version }).problems).toContainEqual({
      ...about,
      message: 'it printed password=removed and ended',
    });
  });

  it('has no null but that of existing_os', async () => {
    const body = Object.entries(await bodyOf(MemoryRoot.of(image)));
    expect(body.filter(([, value]) => value === null)).toEqual([['existing_os', null]]);
  });

  it('of a capture that an older agent made says nothing of what that did not read', async () => {
    const recording = new RecordingRoot(MemoryRoot.of(image));
    await collectInventory(recording);
    const older = recording
      .reads()
      .filter(({ asked }) => asked.read !== 'list' || asked.path !== '/sys/bus/pci/devices');
    expect(older.length).toBeLessThan(recording.reads().length);
    const body = await bodyOf(new ReplayRoot('capture', older));
    expect(body).toMatchObject({ disks: [], existing_os: null });
    expect(body).not.toHaveProperty('gpus');
    expect(body.problems?.map((problem) => problem.code)).toEqual(['read.not-captured']);
  });
});

describe('the record of a machine', () => {
  it('loses the disk, the GPU and the system that are gone', async () => {
    const { hardware, report } = await recordAfter(image);
    expect(hardware).toMatchObject({ disks: [], gpus: [] });
    expect(report?.existing_os).toBeNull();
  });

  it('says what is on its disks, and that one is blank', async () => {
    const { hardware } = await recordAfter(full);
    expect(hardware.disks).toMatchObject([{ contents: [{ device: '/dev/sda', type: 'ext2' }] }]);
    const after = await recordAfter({ ...image, ...disk });
    expect(after.hardware.disks).toMatchObject([{ contents: [] }]);
  });

  it('loses none of what its agent could not look at', async () => {
    const { hardware, report } = await recordAfter({
      ...image,
      '/sys/block': denied('/sys/block'),
      '/sys/class/block': denied('/sys/class/block'),
      '/sys/bus/pci/devices': denied('/sys/bus/pci/devices'),
    });
    expect(hardware.disks).toHaveLength(1);
    expect(hardware.gpus).toHaveLength(1);
    expect(report?.existing_os).toMatchObject({ name: 'Debian' });
  });

  it('loses no system whose file system cannot be mounted', async () => {
    const { '/proc/self/mountinfo': _mounted, ...unmounted } = full;
    const { report } = await recordAfter(unmounted);
    expect(report?.existing_os).toMatchObject({ name: 'Debian' });
    expect(report?.problems).toMatchObject([{ section: 'installedOs', source: 'mount' }]);
  });

  it('loses no port where ports could not be listed', async () => {
    const { identity, hardware } = await recordAfter({
      ...image,
      '/sys/class/net': denied('/sys/class/net'),
    });
    expect(identity.all_macs).toEqual([mac]);
    expect(hardware.network_interfaces).toHaveLength(1);
  });

  it('loses nothing to an agent of version 0.1.0', async () => {
    const { hardware, report } = await recordAfter(image, '0.1.0');
    expect(hardware.disks).toHaveLength(1);
    expect(hardware.gpus).toHaveLength(1);
    expect(report?.existing_os).toMatchObject({ name: 'Debian' });
  });
});
