// The commands that LVM is given. In a machine with device-mapper: test/boot/install/volumes.boot.ts.
import { describe, expect, it } from 'vitest';
import { Volumes } from '../../../src/actions/disk/volumes.ts';
import { AppError } from '../../../src/core/errors.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { never, scriptedHost } from '../workplace.ts';

const options = { signal: never };
const root = {
  vg_name: 'rl',
  vg_missing_pv_count: '0',
  lv_name: 'root',
  lv_uuid: 'aaaa-bb',
  lv_active: '',
  vg_uuid: 'cccc-dd',
  lv_dm_path: '/dev/mapper/rl-root',
};

function volumesOf(listed: readonly object[], fails?: string) {
  const host = scriptedHost(new MemoryRoot([]), (command) => {
    if (fails !== undefined && command.includes(fails)) return new AppError('exec.failed', 'no');
    if (command.includes('lvm lvs')) return JSON.stringify({ report: [{ lv: listed }] });
    return command.startsWith('blkid') ? 'TYPE=ext4\nUUID=u\n' : '';
  });
  return { host, volumes: new Volumes(host) };
}

describe('logical volumes', () => {
  it('are those of the members that are named; LVM is shown no other device', async () => {
    const { host, volumes } = volumesOf([root, { ...root, lv_name: 'home' }]);
    const [first] = await volumes.open(['/dev/sda2', '/dev/sda3'], options);
    expect(first).toMatchObject({
      device: '/dev/mapper/rl-root',
      type: 'ext4',
      otherNames: [
        '/dev/rl/root',
        '/dev/disk/by-id/dm-name-rl-root',
        '/dev/disk/by-id/dm-uuid-LVM-ccccddaaaabb',
      ],
    });
    await volumes.close();
    await volumes.close();
    const lvm = host.commands.filter((command) => command.startsWith('lvm'));
    expect(lvm.every((command) => command.includes('--devices /dev/sda2,/dev/sda3 '))).toBe(true);
    expect(lvm.map((command) => command.replace(/ --devices.* udev_rules=0.*?\}/, ''))).toEqual([
      expect.stringMatching(/^lvm lvs --reportformat json/),
      'lvm vgchange --activate y rl',
      'lvm vgchange --activate n rl',
    ]);
  });

  it('of a group that reaches another disk are refused, and nothing is activated', async () => {
    const { host, volumes } = volumesOf([root, { ...root, vg_missing_pv_count: '1' }]);
    await expect(volumes.open(['/dev/sda2'], options)).rejects.toMatchObject({
      code: 'disk.mismatch',
      message: expect.stringContaining('the volume group rl on /dev/sda2 reaches other disks'),
    });
    await volumes.close();
    expect(host.commands.filter((command) => command.includes('vgchange'))).toEqual([]);
  });

  it('of a group that was in use before are not taken down', async () => {
    const { host, volumes } = volumesOf([root, { ...root, lv_name: 'home', lv_active: 'active' }]);
    expect(await volumes.open(['/dev/sda2'], options)).toHaveLength(2);
    await volumes.close();
    const changes = host.commands.filter((command) => command.includes('vgchange'));
    expect(changes).toEqual([expect.stringMatching(/ --activate y rl$/)]);
  });

  it('are taken down although only some came up', async () => {
    const { host, volumes } = volumesOf([root], '--activate y');
    await expect(volumes.open(['/dev/sda2'], options)).rejects.toThrow('no');
    await volumes.close();
    expect(host.commands.at(-1)).toContain('--activate n rl');
  });
});
