// Disks with small systems on them, in which programs of this host run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loopDisk, type LoopDisk } from '../sources/writing/loop.ts';
import { MiB } from './workplace.ts';

const linuxType = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

/** A disk with two partitions: 1 has no system, 2 has one that runs programs; `script` adds to it, with its
 *  own directory as the current one and $DISK for the device. */
export function systemDisk({ script = '', type = linuxType, sizeMiB = 96 } = {}): LoopDisk {
  const disk = loopDisk(sizeMiB * MiB);
  execFileSync('/usr/sbin/sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', disk.path], {
    input: `label: gpt\nsize=16M, type=${type}\ntype=L\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  execFileSync('partx', ['--add', disk.path]);
  for (const n of [1, 2]) execFileSync('/usr/sbin/mkfs.ext4', ['-q', `${disk.path}p${n}`]);
  onPartition(disk.path, 2, (top) => {
    execFileSync('sh', ['-ec', `${system}\n${script}`], {
      cwd: top,
      env: { ...process.env, DISK: disk.path, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
  });
  return disk;
}

const system = `
mkdir -p bin etc usr/lib proc sys dev run tmp root boot
printf 'ID=debian\\nPRETTY_NAME="Debian for tests"\\n' > usr/lib/os-release
ln -s ../usr/lib/os-release etc/os-release
for p in sh cat sleep mount touch readlink; do
  f=$(command -v $p); cp -L $f bin/$p
  ldd $f | grep -o '/[^ ]*' | while read lib; do mkdir -p .$(dirname $lib); cp -nL $lib .$lib; done
done`;

/** Mounts a partition, or the whole disk, for as long as `use` runs. */
export function onPartition<T>(
  disk: string,
  number: number | undefined,
  use: (top: string) => T,
): T {
  const top = mkdtempSync(join(tmpdir(), 'dragonfly-system-'));
  execFileSync('mount', [number === undefined ? disk : `${disk}p${number}`, top]);
  try {
    return use(top);
  } finally {
    execFileSync('umount', [top]);
    rmSync(top, { recursive: true });
  }
}
