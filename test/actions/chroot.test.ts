import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chroot } from '../../src/actions/chroot.ts';
import { withEnvironment, type Environment } from '../../src/actions/disk/environment.ts';
import type { Where } from '../../src/actions/disk/system.ts';
import type { LoopDisk } from '../sources/writing/loop.ts';
import { canInstall, needs } from './installing.ts';
import { onPartition, systemDisk } from './systems.ts';
import { never, thisHost, workplace } from './workplace.ts';

const notes: string[] = [];
const options = { signal: never, note: (line: string) => notes.push(line) };

const within = <T>(disk: LoopDisk, use: (environment: Environment) => Promise<T>): Promise<T> =>
  withEnvironment(thisHost(), disk.path, {}, options, use);

function chosen() {
  const choices: (Where | undefined)[] = [];
  return {
    choices,
    system: { where: () => ({}), choose: (where?: Where) => void choices.push(where) },
  };
}

describe.skipIf(!canInstall)(`chroot ${needs}`, () => {
  it('chooses a system in which programs run', async () => {
    using disk = systemDisk();
    const { choices, system } = chosen();
    const place = workplace(disk.path, { system });
    const report = await chroot.run({ action: 'chroot', partition: 2 }, place);
    expect(report.details).toEqual({ device: `${disk.path}p2`, system: 'Debian for tests' });
    await chroot.run({ action: 'chroot', teardown: true }, place);
    expect(choices).toEqual([{ partition: 2, fs_type: undefined }, undefined]);
  });

  it('fails where no program runs, and chooses nothing', async () => {
    using disk = systemDisk({ script: 'rm bin/sh' });
    const { choices, system } = chosen();
    const place = workplace(disk.path, { system });
    for (const [partition, message] of [
      [1, 'it is not a system'],
      [2, '/bin/sh -c : failed'],
    ] as const) {
      await expect(chroot.run({ action: 'chroot', partition }, place)).rejects.toThrow(message);
    }
    expect(choices).toEqual([]);
    expect(place.notes.join('\n')).toContain('/bin/sh');
  });
});

describe.skipIf(!canInstall)(`programs in the system on a disk ${needs}`, () => {
  it('see its file systems, a /proc of their own, and nothing of the agent', async () => {
    using disk = systemDisk({
      script: `echo "UUID=$(blkid -s UUID -o value "$DISK"p1) /boot ext4 defaults 0 2" > etc/fstab
        echo 'LABEL=elsewhere /srv ext4 defaults 0 2' >> etc/fstab`,
    });
    process.env['DRAGONFLY_TOKEN'] = 'secret';
    notes.length = 0;
    try {
      const script = 'touch /boot/here; readlink /proc/self; mount; cat /proc/1/environ';
      const said = await within(disk, ({ run }) => run('/bin/sh', ['-c', script], options));
      expect(said).toContain(`${disk.path}p1 on /boot type ext4`);
      expect(said).toMatch(/^\d\n/);
      expect(said).not.toContain('secret');
    } finally {
      delete process.env['DRAGONFLY_TOKEN'];
    }
    expect(notes).toEqual([
      `/srv is on LABEL=elsewhere, which is not on ${disk.path}: it is not mounted`,
    ]);
    expect(onPartition(disk.path, 1, (top) => existsSync(join(top, 'here')))).toBe(true);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(disk.path);
  });

  it.each([
    ['a file', 'echo nameserver 192.0.2.1 > etc/resolv.conf'],
    ['a link into /run', 'ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf'],
    ['not there', ':'],
  ])('have the name servers of this boot, where resolv.conf is %s', async (kind, script) => {
    using disk = systemDisk({ script });
    const said = await within(disk, ({ run }) => run('/bin/cat', ['/etc/resolv.conf'], options));
    expect(said).toBe(readFileSync('/etc/resolv.conf', 'utf8'));
    const left = onPartition(disk.path, 2, (top) =>
      kind === 'a file'
        ? readFileSync(join(top, 'etc/resolv.conf'), 'utf8')
        : existsSync(join(top, 'etc/resolv.conf')),
    );
    expect(left).toBe(kind === 'a file' ? 'nameserver 192.0.2.1\n' : false);
  });

  it('end with what they have started', async () => {
    using disk = systemDisk();
    const script = '(sleep 1000 </dev/null >/dev/null 2>&1 &) ; echo done';
    expect(await within(disk, ({ run }) => run('/bin/sh', ['-c', script], options))).toBe('done\n');
    // It could be neither unmounted nor detached else.
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(disk.path);
  });

  it('end when the action is aborted', async () => {
    using disk = systemDisk({ script: 'echo nameserver 192.0.2.1 > etc/resolv.conf' });
    const abort = new AbortController();
    const given = {
      signal: abort.signal,
      note: () => {},
      onLine: () => abort.abort(new Error('cancelled')),
    };
    const run = withEnvironment(thisHost(), disk.path, {}, given, (environment) =>
      environment.run('/bin/sh', ['-c', 'echo begun; sleep 1000'], given),
    );
    await expect(run).rejects.toThrow('cancelled');
  });
});
