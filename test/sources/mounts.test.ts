import { describe, expect, it } from 'vitest';
import { parseMounts } from '../../src/sources/mounts.ts';

const mountinfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /sys rw shared:2 - sysfs sysfs rw
24 22 0:40 / /mnt/a\\040b rw - nfs4 server:/export rw
25 22 0:41 / /run/user/1000/doc rw shared:9 - fuse.portal portal rw
26 24 0:42 / /mnt/a\\040b/local rw - tmpfs tmpfs rw
27 22 0:43 / /opt/x rw - fuse.sshfs x: rw
28 27 8:2 / /opt/x rw - ext4 /dev/sda2 rw
broken line
`;

describe('mounts', () => {
  const mounts = parseMounts(mountinfo);

  it.each([
    ['/etc/machine-id', false],
    ['/sys/block', false],
    ['/mnt/a b', true],
    ['/mnt/a b/etc/hostname', true],
    ['/mnt/a bc', false],
    ['/mnt/a b/local/file', false],
    ['/opt/x/file', false],
  ])('reading %s waits for a server: %s', (path, served) => {
    expect(mounts.isServed(path)).toBe(served);
  });

  it('tells whether a tree has a part that waits for a server', () => {
    expect(mounts.hasServed('/run/user')).toBe(true);
    expect(mounts.hasServed('/')).toBe(true);
    expect(mounts.hasServed('/sys')).toBe(false);
    expect(mounts.hasServed('/mnt/a b/sub')).toBe(true);
  });

  it('tells whether the kernel makes up all files of a directory', () => {
    const line = (point: string, type: string): string => `1 2 0:1 / ${point} rw - ${type} x rw\n`;
    const sys = line('/sys', 'sysfs') + line('/sys/fs/cgroup', 'cgroup2') + line('/', 'ext4');
    expect(parseMounts(sys).isKernels('/sys')).toBe(true);
    expect(parseMounts(sys + line('/sys/block/sda', 'ext4')).isKernels('/sys')).toBe(false);
    expect(parseMounts(sys + line('/sys/block/sda', 'fuse.x')).isKernels('/sys')).toBe(false);
    expect(parseMounts(line('/', 'ext4')).isKernels('/sys')).toBe(false);
  });

  it('are none where nothing is known', () => {
    expect(parseMounts('').isServed('/x')).toBe(false);
    expect(parseMounts('').hasServed('/')).toBe(false);
  });
});
